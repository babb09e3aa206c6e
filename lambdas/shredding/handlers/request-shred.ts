import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import type { Shredding } from '../shred-service.ts';

export const shredOrg = (gate: Gate, shredding: Shredding) =>
  memberChain('shredOrg', gate, { run: async ({ body }, { caller }) => await shredding.request(caller, body) });
