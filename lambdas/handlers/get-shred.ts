import { shredState } from '../domain/shredding.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const getShred = (gate: Gate) =>
  memberChain('getShred', gate, { run: async (_, { stored }) => shredState(stored()) });
