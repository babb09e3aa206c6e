import type { ApiKeyService } from '../api-key-service.ts';
import type { ApiKeyAuth } from '../middleware/api-key-auth.ts';
import { apiKeyRoute } from '../middleware/api-key-chain.ts';

export const rotateKey = (apiKeyAuth: ApiKeyAuth, apiKeyService: ApiKeyService) =>
  apiKeyRoute('rotateKey', apiKeyAuth, {
    run: async ({ params, body }, { caller }) => await apiKeyService.rotate(caller, params.id, body),
  });
