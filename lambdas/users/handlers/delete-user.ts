import type { ApiKeyAuth } from '../../api-keys/middleware/api-key-auth.ts';
import { apiKeyRoute } from '../../api-keys/middleware/api-key-chain.ts';
import type { Users } from '../user-admin-service.ts';

export const deleteUser = (apiKeyAuth: ApiKeyAuth, users: Users) =>
  apiKeyRoute('deleteUser', apiKeyAuth, {
    run: async ({ params }, { caller }) => await users.delete(caller.org, params.id),
  });
