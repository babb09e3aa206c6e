import type { BundleService } from '../bundle-service.ts';
import { type DeviceAuth, deviceRoute } from '../middleware/device-routes.ts';

export const readBundleEntries = (auth: DeviceAuth, bundles: BundleService) =>
  deviceRoute(
    'readBundleEntries',
    auth,
    async ({ params, query }, { roster }) => await bundles.entries(roster, params.checkpoint, query.after ?? 0),
  );
