/** Composes the function `admin`. */
import { ApiKeyService } from '../api-keys/api-key-service.ts';
import { KeyringOpener } from '../org-keys/keyring-opener.ts';
import { clock, createApiKeyAuth, requestRecordTables } from './common.ts';
import { apiKeys, kek } from './stores.ts';

export function createAdminServices() {
  const apiKeyAuth = createApiKeyAuth(requestRecordTables(), new KeyringOpener(kek(), clock));
  return { apiKeyAuth, apiKeys: new ApiKeyService(apiKeys(), clock) };
}
