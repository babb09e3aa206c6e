import type { ApiKeys } from '../domain/api-keys.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const createKey = (gate: Gate, apiKeys: ApiKeys) =>
  memberChain('createKey', gate, { run: async ({ body }, { caller }) => await apiKeys.create(caller, body) });
