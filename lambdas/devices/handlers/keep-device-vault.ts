import type { DeviceVaultService } from '../device-vault-service.ts';
import { type DeviceAuth, deviceRoute } from '../middleware/device-routes.ts';

export const keepDeviceVault = (auth: DeviceAuth, vaults: DeviceVaultService) =>
  deviceRoute('keepDeviceVault', auth, async (_, { roster, device }) => await vaults.keep(roster, device));
