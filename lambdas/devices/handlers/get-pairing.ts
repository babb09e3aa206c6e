import type { UserAuthenticator } from '../../users/middleware/authenticate-user.ts';
import { userRouteHandler } from '../../users/middleware/user-routes.ts';
import type { PairingService } from '../pairing-service.ts';

export const getPairing = (authenticator: UserAuthenticator, pairings: PairingService) =>
  userRouteHandler('getPairing', authenticator, {
    subject: ({ params }) => ({ name: params.vault }),
    run: async ({ params }, { owner }) => await pairings.get({ ...owner, vault: params.vault }, params.pairing),
  });
