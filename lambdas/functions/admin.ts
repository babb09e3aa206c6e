import { createKey } from '../api-keys/handlers/create-key.ts';
import { listKeys } from '../api-keys/handlers/list-keys.ts';
import { revokeKey } from '../api-keys/handlers/revoke-key.ts';
import { rotateKey } from '../api-keys/handlers/rotate-key.ts';
import { createAdminServices } from '../compose/api-keys.ts';
import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createLogin } from '../logins/handlers/create-login.ts';
import { deleteLogin } from '../logins/handlers/delete-login.ts';
import { listLogins } from '../logins/handlers/list-logins.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import { getOrg } from '../orgs/handlers/get-org.ts';

const { apiKeyAuth, apiKeys, logins } = createAdminServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  getOrg: getOrg(apiKeyAuth),
  createKey: createKey(apiKeyAuth, apiKeys),
  listKeys: listKeys(apiKeyAuth, apiKeys),
  revokeKey: revokeKey(apiKeyAuth, apiKeys),
  rotateKey: rotateKey(apiKeyAuth, apiKeys),
  createLogin: createLogin(apiKeyAuth, logins),
  listLogins: listLogins(apiKeyAuth, logins),
  deleteLogin: deleteLogin(apiKeyAuth, logins),
});
