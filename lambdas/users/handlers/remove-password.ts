import type { UserAuthenticator } from '../middleware/authenticate-user.ts';
import { userRouteHandler } from '../middleware/user-routes.ts';
import type { PasswordService } from '../password-service.ts';
import type { ReauthenticationService } from '../reauthentication-service.ts';
import { clearSessionCookie } from '../session-cookie.ts';

export const removePassword = (
  authenticator: UserAuthenticator,
  reauthentication: ReauthenticationService,
  passwords: PasswordService,
) =>
  userRouteHandler('removePassword', authenticator, {
    run: async ({ body }, user, state) => {
      const confirmed = await reauthentication.requirePassword(user, body.currentPassword);
      const account = await passwords.removePassword(confirmed);
      state.cookies = clearSessionCookie(user);
      return account;
    },
  });
