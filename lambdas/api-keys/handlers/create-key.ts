import type { ApiKeyService } from '../api-key-service.ts';
import { apiKeyRoute } from '../middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../middleware/require-api-key.ts';

export const createKey = (apiKeyAuth: ApiKeyAuth, apiKeyService: ApiKeyService) =>
  apiKeyRoute('createKey', apiKeyAuth, {
    subject: (_, output) => ({ name: output?.id }),
    run: async ({ body }, { caller }) => await apiKeyService.create(caller, body),
  });
