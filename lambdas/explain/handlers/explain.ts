import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../middleware/route-chains.ts';
import type { Explaining } from '../explain-service.ts';

export const explain = (gate: Gate, explaining: Explaining) =>
  memberChain('explain', gate, {
    run: async ({ query }, { caller, stored }) => await explaining.explain(caller, stored(), query.ref),
  });
