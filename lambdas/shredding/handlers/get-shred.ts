import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import { shredState } from '../shred-service.ts';

export const getShred = (gate: Gate) =>
  memberChain('getShred', gate, { run: async (_, { stored }) => shredState(stored()) });
