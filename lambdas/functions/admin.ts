import { createKey } from '../api-keys/handlers/create-key.ts';
import { listKeys } from '../api-keys/handlers/list-keys.ts';
import { revokeKey } from '../api-keys/handlers/revoke-key.ts';
import { rotateKey } from '../api-keys/handlers/rotate-key.ts';
import { createAdminServices } from '../compose/api-keys.ts';
import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import { getOrg } from '../orgs/handlers/get-org.ts';

const { gate, apiKeys } = createAdminServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  getOrg: getOrg(gate),
  createKey: createKey(gate, apiKeys),
  listKeys: listKeys(gate, apiKeys),
  revokeKey: revokeKey(gate, apiKeys),
  rotateKey: rotateKey(gate, apiKeys),
});
