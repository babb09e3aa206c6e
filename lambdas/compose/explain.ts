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

/** It reads what there is, and uses no key: what it tells of others it could not do itself. */
export function createExplainerServices() {
  const userGate: UserAuthenticator = { reader: new DynamoUserReader(orgDynamoClients(), recordTables()), clock };
  const stores = {
    values: new DynamoValueMetadata(orgDynamoClients(), requireSetting('valueTable')),
    apiKeys: new DynamoApiKeys(orgDynamoClients(), requireSetting('apiKeyTable')),
    blobs: new DynamoBlobs(orgDynamoClients(), requireSetting('blobTable')),
    users: userGate.reader,
  };
  const explaining = new ExplainService(stores, new IamGrants(requireSetting('grants')), clock);
  return {
    gate: createApiKeyAuth(requestRecordTables(), new KeyringOpener(unavailableKek, clock)),
    userGate,
    explaining,
  };
}
