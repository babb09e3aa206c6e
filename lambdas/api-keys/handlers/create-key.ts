import type { ApiKeyService } from '../api-key-service.ts';
import type { ApiKeyAuth } from '../middleware/api-key-auth.ts';
import { apiKeyRoute } from '../middleware/api-key-chain.ts';

export const createKey = (apiKeyAuth: ApiKeyAuth, apiKeyService: ApiKeyService) =>
  apiKeyRoute('createKey', apiKeyAuth, {
    subject: (_, output) => ({ name: output?.id }),
    run: async ({ body }, { caller }) => await apiKeyService.create(caller, body),
  });
