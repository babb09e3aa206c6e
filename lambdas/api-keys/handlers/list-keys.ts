import type { ApiKeyService } from '../api-key-service.ts';
import { apiKeyRoute } from '../middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../middleware/require-api-key.ts';

export const listKeys = (apiKeyAuth: ApiKeyAuth, apiKeyService: ApiKeyService) =>
  apiKeyRoute('listKeys', apiKeyAuth, {
    run: async ({ query }, { caller }) => await apiKeyService.list(caller, query),
  });
