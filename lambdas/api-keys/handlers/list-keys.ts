import type { ApiKeyService } from '../api-key-service.ts';
import type { ApiKeyAuth } from '../middleware/api-key-auth.ts';
import { apiKeyRoute } from '../middleware/api-key-chain.ts';

export const listKeys = (apiKeyAuth: ApiKeyAuth, apiKeyService: ApiKeyService) =>
  apiKeyRoute('listKeys', apiKeyAuth, {
    run: async ({ query }, { caller }) => await apiKeyService.list(caller, query),
  });
