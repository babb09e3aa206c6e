import { memberChain } from '../../middleware/route-chains.ts';
import type { ApiKeys } from '../api-key-service.ts';
import type { Gate } from '../middleware/api-key-auth.ts';

export const createKey = (gate: Gate, apiKeys: ApiKeys) =>
  memberChain('createKey', gate, { run: async ({ body }, { caller }) => await apiKeys.create(caller, body) });
