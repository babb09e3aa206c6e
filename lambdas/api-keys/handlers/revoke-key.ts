import type { ApiKeyService } from '../api-key-service.ts';
import { apiKeyRoute } from '../middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../middleware/require-api-key.ts';

export const revokeKey = (apiKeyAuth: ApiKeyAuth, apiKeyService: ApiKeyService) =>
  apiKeyRoute('revokeKey', apiKeyAuth, {
    run: async ({ params }, { caller }) => await apiKeyService.revoke(caller, params.id),
  });
