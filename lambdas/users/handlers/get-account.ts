import type { AccountService } from '../account-service.ts';
import type { UserAuthenticator } from '../middleware/user-auth.ts';
import { userRouteHandler } from '../middleware/user-route-chains.ts';

export const getAccount = (authenticator: UserAuthenticator, accounts: AccountService) =>
  userRouteHandler('getAccount', authenticator, { run: async (_, user) => accounts.getAccount(user) });
