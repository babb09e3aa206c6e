import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import type { UserAdminService } from '../user-admin-service.ts';

export const listUsers = (apiKeyAuth: ApiKeyAuth, users: UserAdminService) =>
  apiKeyRoute('listUsers', apiKeyAuth, { run: async ({ query }, { caller }) => await users.list(caller.org, query) });
