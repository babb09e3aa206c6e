/** Composes the function `explainer`. */
import { DynamoApiKeys } from '../api-keys/stores/dynamo-api-keys.ts';
import { DynamoBlobs } from '../blobs/stores/dynamo-blobs.ts';
import { ExplainService } from '../explain/explain-service.ts';
import { IamGrants } from '../explain/iam-grants.ts';
import { DynamoValueMetadata } from '../explain/stores/dynamo-value-metadata.ts';
import { KeyringOpener, unavailableKek } from '../org-keys/keyring-opener.ts';
import type { UserAuthenticator } from '../users/middleware/authenticate-user.ts';
import { DynamoUserReader } from '../users/stores/dynamo-user-records.ts';
import { clock, createApiKeyAuth, orgDynamoClients, requestRecordTables, requireSetting } from './common.ts';
import { recordTables } from './user-stores.ts';

/** It reads metadata and uses no key. It cannot perform the accesses that it reports. */
export function createExplainerServices() {
  const userAuthenticator: UserAuthenticator = {
    reader: new DynamoUserReader(orgDynamoClients(), recordTables()),
    clock,
  };
  const stores = {
    values: new DynamoValueMetadata(orgDynamoClients(), requireSetting('valueTable')),
    apiKeys: new DynamoApiKeys(orgDynamoClients(), requireSetting('apiKeyTable')),
    blobs: new DynamoBlobs(orgDynamoClients(), requireSetting('blobTable')),
    users: userAuthenticator.reader,
  };
  const explainService = new ExplainService(stores, new IamGrants(requireSetting('grants')), clock);
  return {
    apiKeyAuth: createApiKeyAuth(requestRecordTables(), new KeyringOpener(unavailableKek, clock)),
    userAuthenticator,
    explainService,
  };
}
