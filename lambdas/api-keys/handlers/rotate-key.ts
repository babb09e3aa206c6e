import { memberChain } from '../../middleware/route-chains.ts';
import type { ApiKeys } from '../api-key-service.ts';
import type { Gate } from '../middleware/api-key-auth.ts';

export const rotateKey = (gate: Gate, apiKeys: ApiKeys) =>
  memberChain('rotateKey', gate, {
    run: async ({ params, body }, { caller }) => await apiKeys.rotate(caller, params.id, body),
  });
