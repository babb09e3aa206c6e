import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import { subjectOfRef } from '../explain-ref-parser.ts';
import type { Explaining } from '../explain-service.ts';

export const explain = (gate: Gate, explaining: Explaining) =>
  memberChain('explain', gate, {
    subject: ({ query }) => ({ name: subjectOfRef(query.ref) }),
    run: async ({ query }, { caller, stored }) => await explaining.explain(caller, stored(), query.ref),
  });
