import type { ApiKeys } from '../api-key-service.ts';
import type { Gate } from '../middleware/api-key-auth.ts';
import { memberChain } from '../middleware/api-key-chain.ts';

export const listKeys = (gate: Gate, apiKeys: ApiKeys) =>
  memberChain('listKeys', gate, { run: async ({ query }, { caller }) => await apiKeys.list(caller, query) });
