import type { AccountService } from '../account-service.ts';
import type { UserAuthenticator } from '../middleware/authenticate-user.ts';
import { userRouteHandler } from '../middleware/user-routes.ts';
import type { ReauthenticationService } from '../reauthentication-service.ts';
import { clearSessionCookie } from '../session-cookie.ts';

export const removeSlot = (
  authenticator: UserAuthenticator,
  reauthentication: ReauthenticationService,
  accounts: AccountService,
) =>
  userRouteHandler('removeSlot', authenticator, {
    run: async ({ params, body }, user, state) => {
      const confirmed = await reauthentication.requirePasswordForSlotRemoval(user, params.id, body.currentPassword);
      const account = await accounts.removeSlot(confirmed, params.id);
      if (params.id === user.slot.id) state.cookies = clearSessionCookie(user);
      return account;
    },
  });
