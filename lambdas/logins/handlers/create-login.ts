import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import type { LoginAdminService } from '../login-admin-service.ts';

export const createLogin = (apiKeyAuth: ApiKeyAuth, logins: LoginAdminService) =>
  apiKeyRoute('createLogin', apiKeyAuth, {
    subject: (_, output) => ({ name: output?.id }),
    run: async ({ body }, { caller }) => await logins.create(caller, body),
  });
