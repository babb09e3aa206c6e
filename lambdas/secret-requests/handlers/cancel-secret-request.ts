import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import type { SecretRequestService } from '../secret-request-service.ts';

export const cancelSecretRequest = (apiKeyAuth: ApiKeyAuth, service: SecretRequestService) =>
  apiKeyRoute('cancelSecretRequest', apiKeyAuth, {
    run: async ({ params }, { caller }, state) =>
      await service.cancel(caller, params.id, (name) => {
        state.auditSubject = name;
      }),
  });
