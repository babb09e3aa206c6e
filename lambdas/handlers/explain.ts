import type { Explaining } from '../domain/explaining.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const explain = (gate: Gate, explaining: Explaining) =>
  memberChain('explain', gate, {
    run: async ({ query }, { caller, stored }) => await explaining.explain(caller, stored(), query.ref),
  });
