import type { ApiKeyService } from '../api-key-service.ts';
import type { ApiKeyAuth } from '../middleware/api-key-auth.ts';
import { apiKeyRoute } from '../middleware/api-key-chain.ts';

export const revokeKey = (apiKeyAuth: ApiKeyAuth, apiKeyService: ApiKeyService) =>
  apiKeyRoute('revokeKey', apiKeyAuth, {
    run: async ({ params }, { caller }) => await apiKeyService.revoke(caller, params.id),
  });
