import type { ApiKeys } from '../api-key-service.ts';
import type { Gate } from '../middleware/api-key-auth.ts';
import { memberChain } from '../middleware/api-key-chain.ts';

export const createKey = (gate: Gate, apiKeys: ApiKeys) =>
  memberChain('createKey', gate, {
    subject: (_, output) => ({ name: output?.id }),
    run: async ({ body }, { caller }) => await apiKeys.create(caller, body),
  });
