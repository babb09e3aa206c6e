import type { ApiKeys } from '../domain/api-keys.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const rotateKey = (gate: Gate, apiKeys: ApiKeys) =>
  memberChain('rotateKey', gate, {
    run: async ({ params, body }, { caller }) => await apiKeys.rotate(caller, params.id, body),
  });
