import { publicHost } from './compose.ts';
import { log } from './compose-parts.ts';
import { noAuditTrail } from './domain/audit-trail.ts';
import { getOpenApi } from './handlers/get-openapi.ts';
import { getPublicKeys } from './handlers/get-public-keys.ts';
import { serve } from './middleware/serve.ts';

const { publicKeys } = publicHost();

export const handler = serve(log(), noAuditTrail, {
  getOpenApi: getOpenApi(),
  getPublicKeys: getPublicKeys(publicKeys),
});
