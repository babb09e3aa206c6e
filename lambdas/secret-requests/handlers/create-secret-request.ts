import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { assertOrgActive } from '../../org-keys/keyring-verifier.ts';
import type { SecretRequestService } from '../secret-request-service.ts';

export const createSecretRequest = (apiKeyAuth: ApiKeyAuth, service: SecretRequestService) =>
  apiKeyRoute('createSecretRequest', apiKeyAuth, {
    // The caller is authorized for the name. The value is not read: the function has no permission to.
    valueNames: ({ body }) => [body.name],
    subject: ({ body }) => ({ name: body.name }),
    run: async ({ body }, { caller, storedKeyring }) => {
      assertOrgActive(await storedKeyring());
      return await service.create(caller, body);
    },
  });
