import { decodeBase64Field } from '../../shared/base64-field.ts';
import type { UserAuthenticator } from '../../users/middleware/authenticate-user.ts';
import { userRouteHandler } from '../../users/middleware/user-routes.ts';
import type { DeviceVaultService } from '../device-vault-service.ts';

export const createDeviceVault = (authenticator: UserAuthenticator, vaults: DeviceVaultService) =>
  userRouteHandler('createDeviceVault', authenticator, {
    subject: ({ body }) => ({ name: body.vault }),
    run: async ({ body }, { owner }) =>
      await vaults.create(owner, {
        vault: body.vault,
        signed: decodeBase64Field(body.entry),
        wraps: decodeBase64Field(body.wraps),
      }),
  });
