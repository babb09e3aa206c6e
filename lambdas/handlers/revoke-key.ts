import type { ApiKeys } from '../domain/api-keys.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const revokeKey = (gate: Gate, apiKeys: ApiKeys) =>
  memberChain('revokeKey', gate, { run: async ({ params }, { caller }) => await apiKeys.revoke(caller, params.id) });
