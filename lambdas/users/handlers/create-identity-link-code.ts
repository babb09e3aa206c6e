import type { IdentityLinkingService } from '../identity-linking-service.ts';
import type { UserAuthenticator } from '../middleware/authenticate-user.ts';
import { userRouteHandler } from '../middleware/user-routes.ts';
import type { ReauthenticationService } from '../reauthentication-service.ts';

export const createIdentityLinkCode = (
  authenticator: UserAuthenticator,
  reauthentication: ReauthenticationService,
  linking: IdentityLinkingService,
) =>
  userRouteHandler('startLink', authenticator, {
    run: async ({ body }, user) => {
      return await linking.createLinkCode(await reauthentication.requirePassword(user, body.currentPassword));
    },
  });
