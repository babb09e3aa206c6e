import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import type { SecretRequestService } from '../secret-request-service.ts';

export const getSecretRequest = (apiKeyAuth: ApiKeyAuth, service: SecretRequestService) =>
  apiKeyRoute('getSecretRequest', apiKeyAuth, {
    run: async ({ params }, { caller }, state) =>
      await service.getStatus(caller, params.id, (name) => {
        state.auditSubject = name;
      }),
  });
