import type { UserAuthenticator } from '../../users/middleware/authenticate-user.ts';
import { userRouteHandler } from '../../users/middleware/user-routes.ts';
import type { DeviceVaultService } from '../device-vault-service.ts';

export const getDeviceRecovery = (authenticator: UserAuthenticator, vaults: DeviceVaultService) =>
  userRouteHandler('getDeviceRecovery', authenticator, {
    subject: ({ params }) => ({ name: params.vault }),
    run: async ({ params }, { owner }) => await vaults.recovery(owner, params.vault),
  });
