import type { Shredding } from '../domain/shredding.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const shredOrg = (gate: Gate, shredding: Shredding) =>
  memberChain('shredOrg', gate, { run: async ({ body }, { caller }) => await shredding.request(caller, body) });
