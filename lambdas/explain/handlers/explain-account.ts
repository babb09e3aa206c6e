import type { UserGate } from '../../users/middleware/user-auth.ts';
import { userChain } from '../../users/middleware/user-route-chains.ts';
import { subjectOfRef, wantedRecords } from '../explain-ref-parser.ts';
import type { Explaining } from '../explain-service.ts';

export const explainOwn = (gate: UserGate, explaining: Explaining) =>
  userChain('explainOwn', gate, {
    records: ({ query }) => wantedRecords(query.ref),
    subject: ({ query }) => ({ name: subjectOfRef(query.ref) }),
    run: async ({ query }, user) => await explaining.explainOwn(user, query.ref),
  });
