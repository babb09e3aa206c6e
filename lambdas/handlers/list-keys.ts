import type { ApiKeys } from '../domain/api-keys.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const listKeys = (gate: Gate, apiKeys: ApiKeys) =>
  memberChain('listKeys', gate, { run: async ({ query }, { caller }) => await apiKeys.list(caller, query) });
