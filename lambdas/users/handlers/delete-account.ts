import type { UserAuthenticator } from '../middleware/authenticate-user.ts';
import { userRouteHandler } from '../middleware/user-routes.ts';
import type { ReauthenticationService } from '../reauthentication-service.ts';
import { clearSessionCookie } from '../session-cookie.ts';
import type { UserDeletionService } from '../user-deletion-service.ts';

export const deleteAccount = (
  authenticator: UserAuthenticator,
  reauthentication: ReauthenticationService,
  userDeletion: UserDeletionService,
) =>
  userRouteHandler('deleteAccount', authenticator, {
    run: async ({ body }, user, state) => {
      await reauthentication.requirePassword(user, body.currentPassword);
      const response = await userDeletion.delete(user.owner, [], user.keyring.generation);
      state.cookies = clearSessionCookie(user);
      return response;
    },
  });
