import { unavailableAuditLog } from '../audit/audit-log-writer.ts';
import { getPublicKeys } from '../audit/handlers/get-public-keys.ts';
import { createFunctionLog } from '../compose/common.ts';
import { createPublicServices } from '../compose/orgs.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import { getOpenApi } from '../orgs/handlers/get-open-api.ts';
import { getPushKey } from '../relay/handlers/get-push-key.ts';

const { publicKeys, pushKeys } = createPublicServices();

export const handler = createLambdaHandler(createFunctionLog(), unavailableAuditLog, {
  getOpenApi: getOpenApi(),
  getPublicKeys: getPublicKeys(publicKeys),
  getPushKey: getPushKey(pushKeys),
});
