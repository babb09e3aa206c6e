import type { AccountService } from '../account-service.ts';
import type { UserAuthenticator } from '../middleware/authenticate-user.ts';
import { userRouteHandler } from '../middleware/user-routes.ts';

export const getAccount = (authenticator: UserAuthenticator, accounts: AccountService) =>
  userRouteHandler('getAccount', authenticator, { run: async (_, user) => accounts.getAccount(user) });
