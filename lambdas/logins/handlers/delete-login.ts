import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import type { LoginAdminService } from '../login-admin-service.ts';

export const deleteLogin = (apiKeyAuth: ApiKeyAuth, logins: LoginAdminService) =>
  apiKeyRoute('deleteLogin', apiKeyAuth, {
    run: async ({ params }, { caller }) => await logins.delete(caller, params.id),
  });
