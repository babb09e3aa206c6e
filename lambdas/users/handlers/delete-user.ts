import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import type { UserAdminService } from '../user-admin-service.ts';

export const deleteUser = (apiKeyAuth: ApiKeyAuth, users: UserAdminService) =>
  apiKeyRoute('deleteUser', apiKeyAuth, {
    run: async ({ params }, { caller }) => await users.delete(caller.org, params.id),
  });
