import type { Shredding } from '../domain/shredding.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const cancelShred = (gate: Gate, shredding: Shredding) =>
  memberChain('cancelShred', gate, { run: async (_, { caller }) => await shredding.cancel(caller.org) });
