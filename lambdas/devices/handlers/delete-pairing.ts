import { type DeviceAuth, deviceRoute } from '../middleware/device-routes.ts';
import type { PairingService } from '../pairing-service.ts';

export const deletePairing = (auth: DeviceAuth, pairings: PairingService) =>
  deviceRoute(
    'deletePairing',
    auth,
    async ({ params }, { roster }) => await pairings.delete(roster.state.scope, params.pairing),
  );
