import type { BundleService } from '../bundle-service.ts';
import { type DeviceAuth, deviceRoute } from '../middleware/device-routes.ts';

export const readBundleRecords = (auth: DeviceAuth, bundles: BundleService) =>
  deviceRoute('readBundleRecords', auth, async ({ params, query: { type, id } }, { roster }) => {
    const after = type === undefined || id === undefined ? undefined : { type, id };
    return await bundles.records(roster, params.checkpoint, after);
  });
