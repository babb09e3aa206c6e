import { wantedRecords } from '../domain/explain-refs.ts';
import type { Explaining } from '../domain/explaining.ts';
import type { UserGate } from '../middleware/user.ts';
import { userChain } from '../middleware/user-chains.ts';

export const explainOwn = (gate: UserGate, explaining: Explaining) =>
  userChain('explainOwn', gate, {
    records: ({ query }) => wantedRecords(query.ref),
    run: async ({ query }, user) => await explaining.explainOwn(user, query.ref),
  });
