/** Composes the function `admin`. */
import { ApiKeyService } from '../api-keys/api-key-service.ts';
import { unavailableKek } from '../org-keys/keyring-opener.ts';
import {
  authenticationKeys,
  clock,
  createApiKeyAuth,
  createKeyringOpener,
  orgMarks,
  requestRecordTables,
} from './common.ts';
import { apiKeys } from './stores.ts';

export function createAdminServices() {
  const apiKeyAuth = createApiKeyAuth(requestRecordTables(), createKeyringOpener(unavailableKek));
  return { apiKeyAuth, apiKeys: new ApiKeyService(apiKeys(), authenticationKeys(), orgMarks(), clock) };
}
