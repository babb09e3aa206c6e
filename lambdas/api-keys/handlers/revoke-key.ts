import { memberChain } from '../../middleware/route-chains.ts';
import type { ApiKeys } from '../api-key-service.ts';
import type { Gate } from '../middleware/api-key-auth.ts';

export const revokeKey = (gate: Gate, apiKeys: ApiKeys) =>
  memberChain('revokeKey', gate, { run: async ({ params }, { caller }) => await apiKeys.revoke(caller, params.id) });
