import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import type { Shredding } from '../shred-service.ts';

export const cancelShred = (gate: Gate, shredding: Shredding) =>
  memberChain('cancelShred', gate, { run: async (_, { caller }) => await shredding.cancel(caller.org) });
