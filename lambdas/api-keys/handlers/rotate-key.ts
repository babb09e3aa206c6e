import type { ApiKeys } from '../api-key-service.ts';
import type { Gate } from '../middleware/api-key-auth.ts';
import { memberChain } from '../middleware/api-key-chain.ts';

export const rotateKey = (gate: Gate, apiKeys: ApiKeys) =>
  memberChain('rotateKey', gate, {
    run: async ({ params, body }, { caller }) => await apiKeys.rotate(caller, params.id, body),
  });
