import { noAuditTrail } from '../audit/audit-log-writer.ts';
import { getPublicKeys } from '../audit/handlers/get-public-keys.ts';
import { log } from '../compose/common.ts';
import { publicHost } from '../compose/orgs.ts';
import { serve } from '../middleware/lambda-handler.ts';
import { getOpenApi } from '../orgs/handlers/get-openapi.ts';

const { publicKeys } = publicHost();

export const handler = serve(log(), noAuditTrail, {
  getOpenApi: getOpenApi(),
  getPublicKeys: getPublicKeys(publicKeys),
});
