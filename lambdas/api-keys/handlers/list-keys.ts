import { memberChain } from '../../middleware/route-chains.ts';
import type { ApiKeys } from '../api-key-service.ts';
import type { Gate } from '../middleware/api-key-auth.ts';

export const listKeys = (gate: Gate, apiKeys: ApiKeys) =>
  memberChain('listKeys', gate, { run: async ({ query }, { caller }) => await apiKeys.list(caller, query) });
