import { type DeviceAuth, deviceRoute } from '../middleware/device-routes.ts';
import type { PruneService } from '../prune-service.ts';

export const pruneDeviceLog = (auth: DeviceAuth, pruning: PruneService) =>
  deviceRoute(
    'pruneDeviceLog',
    auth,
    async ({ body }, { roster, device }) => await pruning.prune(roster, device, body.checkpoint),
  );
