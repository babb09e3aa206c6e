import { VaultError } from '../../../contract/shared/vault-error.ts';
import { decodeBase64Field } from '../../shared/base64-field.ts';
import type { UserAuthenticator } from '../../users/middleware/authenticate-user.ts';
import { userRouteHandler } from '../../users/middleware/user-routes.ts';
import type { DeviceVaultService } from '../device-vault-service.ts';
import type { PairingService } from '../pairing-service.ts';

export const putNewDeviceMessage = (
  authenticator: UserAuthenticator,
  vaults: DeviceVaultService,
  pairings: PairingService,
) =>
  userRouteHandler('putNewDeviceMessage', authenticator, {
    subject: ({ params }) => ({ name: params.vault }),
    run: async ({ params, body }, { owner }) => {
      const { vault, pairing, step } = params;
      if (!(await vaults.exists(owner, vault))) throw new VaultError('device_vault_not_found');
      return await pairings.put({ ...owner, vault }, pairing, `new${step}`, decodeBase64Field(body.message));
    },
  });
