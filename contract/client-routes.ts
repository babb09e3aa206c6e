import { apiKeyRoutes } from './api-keys/routes.ts';
import { auditRoutes } from './audit/routes.ts';
import { blobRoutes } from './blobs/routes.ts';
import { orgRoutes } from './orgs/routes.ts';
import { rotationRoutes } from './rotation/routes.ts';
import { shredRoutes } from './shredding/routes.ts';
import { valueRoutes } from './values/routes.ts';

/**
 * Routes whose rows the main client of the SDK has from the start. Other modules of it bring the rows that they need.
 * Apart from routes.ts, because bundlers load whole files.
 */
export const clientRoutes = {
  ...orgRoutes,
  ...apiKeyRoutes,
  ...rotationRoutes,
  ...shredRoutes,
  ...auditRoutes,
  ...valueRoutes,
  ...blobRoutes,
} as const;
