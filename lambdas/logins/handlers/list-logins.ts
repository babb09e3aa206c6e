import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import type { LoginAdminService } from '../login-admin-service.ts';

export const listLogins = (apiKeyAuth: ApiKeyAuth, logins: LoginAdminService) =>
  apiKeyRoute('listLogins', apiKeyAuth, {
    run: async ({ query }, { caller }) => await logins.list(caller, query),
  });
