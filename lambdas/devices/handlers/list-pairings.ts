import { type DeviceAuth, deviceRoute } from '../middleware/device-routes.ts';
import type { PairingService } from '../pairing-service.ts';

export const listPairings = (auth: DeviceAuth, pairings: PairingService) =>
  deviceRoute('listPairings', auth, async (_, { roster }) => await pairings.list(roster.state.scope));
