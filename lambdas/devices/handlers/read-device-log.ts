import { deviceLimits } from '../../../contract/devices/limits.ts';
import type { DeviceLogService } from '../device-log-service.ts';
import { type DeviceAuth, deviceRoute } from '../middleware/device-routes.ts';

export const readDeviceLog = (auth: DeviceAuth, log: DeviceLogService) =>
  deviceRoute(
    'readDeviceLog',
    auth,
    async ({ query }, { roster }) =>
      await log.read(roster, query.after ?? 0, query.limit ?? deviceLimits.deviceLogPage),
  );
