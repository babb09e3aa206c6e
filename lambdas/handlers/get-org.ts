import { orgState } from '../domain/orgs.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const getOrg = (gate: Gate) =>
  memberChain('getOrg', gate, { run: async (_, { keys }) => orgState(await keys()) });
