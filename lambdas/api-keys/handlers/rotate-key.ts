import type { ApiKeyService } from '../api-key-service.ts';
import { apiKeyRoute } from '../middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../middleware/require-api-key.ts';

export const rotateKey = (apiKeyAuth: ApiKeyAuth, apiKeyService: ApiKeyService) =>
  apiKeyRoute('rotateKey', apiKeyAuth, {
    run: async ({ params, body }, { caller }) => await apiKeyService.rotate(caller, params.id, body),
  });
