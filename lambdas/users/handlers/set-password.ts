import type { UserAuthenticator } from '../middleware/authenticate-user.ts';
import { userRouteHandler } from '../middleware/user-routes.ts';
import type { PasswordService } from '../password-service.ts';

export const setPassword = (authenticator: UserAuthenticator, passwords: PasswordService) =>
  userRouteHandler('setPassword', authenticator, {
    run: async ({ body }, user) => await passwords.setPassword(user, body),
  });
