import type { UserAuthenticator } from '../../users/middleware/authenticate-user.ts';
import { userRouteHandler } from '../../users/middleware/user-routes.ts';
import type { DeviceVaultService } from '../device-vault-service.ts';

export const listDeviceVaults = (authenticator: UserAuthenticator, vaults: DeviceVaultService) =>
  userRouteHandler('listDeviceVaults', authenticator, {
    run: async (_, { owner }) => await vaults.list(owner),
  });
