/** Composes the function `admin`. */
import { ApiKeyService } from '../api-keys/api-key-service.ts';
import { LoginAdminService } from '../logins/login-admin-service.ts';
import { unavailableKek } from '../org-keys/keyring-opener.ts';
import {
  authenticationKeys,
  clock,
  createApiKeyAuth,
  createKeyringOpener,
  orgMarks,
  requestRecordTables,
} from './common.ts';
import { isLocalVault, logins } from './logins.ts';
import { apiKeys } from './stores.ts';

export function createAdminServices() {
  const apiKeyAuth = createApiKeyAuth(requestRecordTables(), createKeyringOpener(unavailableKek));
  const keys = authenticationKeys();
  const marks = orgMarks();
  return {
    apiKeyAuth,
    apiKeys: new ApiKeyService(apiKeys(), keys, marks, clock),
    logins: new LoginAdminService({ logins: logins(), keys, marks, clock, allowsLoopback: isLocalVault() }),
  };
}
