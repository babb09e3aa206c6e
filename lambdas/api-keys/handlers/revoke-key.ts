import type { ApiKeys } from '../api-key-service.ts';
import type { Gate } from '../middleware/api-key-auth.ts';
import { memberChain } from '../middleware/api-key-chain.ts';

export const revokeKey = (gate: Gate, apiKeys: ApiKeys) =>
  memberChain('revokeKey', gate, { run: async ({ params }, { caller }) => await apiKeys.revoke(caller, params.id) });
