import type { AccountService } from '../account-service.ts';
import type { UserAuthenticator } from '../middleware/authenticate-user.ts';
import { userRouteHandler } from '../middleware/user-routes.ts';

export const rotateUserKey = (authenticator: UserAuthenticator, accounts: AccountService) =>
  userRouteHandler('changeUserKey', authenticator, {
    run: async ({ body }, user) => await accounts.rotateUserKey(user, body.newKey),
  });
