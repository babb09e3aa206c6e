import type { AccountService } from '../account-service.ts';
import type { UserAuthenticator } from '../middleware/authenticate-user.ts';
import { userRouteHandler } from '../middleware/user-routes.ts';
import { clearSessionCookie } from '../session-cookie.ts';

export const logOut = (authenticator: UserAuthenticator, accounts: AccountService) =>
  userRouteHandler('logOut', authenticator, {
    run: async (_, user, state) => {
      const ended = await accounts.logOut(user);
      state.cookies = clearSessionCookie(user);
      return { ended };
    },
  });
