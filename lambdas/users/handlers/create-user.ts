import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import type { UserAdminService } from '../user-admin-service.ts';

export const createUser = (apiKeyAuth: ApiKeyAuth, users: UserAdminService) =>
  apiKeyRoute('createUser', apiKeyAuth, {
    subject: (_, output) => ({ name: output?.user }),
    run: async (_, { caller, storedKeyring }) => await users.create(caller.org, await storedKeyring()),
  });
