import type { AccountService } from '../account-service.ts';
import type { UserAuthenticator } from '../middleware/user-auth.ts';
import { userRouteHandler } from '../middleware/user-route-chains.ts';

export const rotateUserKey = (authenticator: UserAuthenticator, accounts: AccountService) =>
  userRouteHandler('changeUserKey', authenticator, {
    run: async ({ body }, user) => await accounts.rotateUserKey(user, body.newKey),
  });
