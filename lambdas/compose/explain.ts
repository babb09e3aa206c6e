/** Composes the function `explainer`. */
import { DynamoApiKeys } from '../api-keys/stores/dynamo-api-keys.ts';
import { DynamoBlobs } from '../blobs/stores/dynamo-blobs.ts';
import { Explaining } from '../explain/explain-service.ts';
import { Grants } from '../explain/iam-grants.ts';
import { DynamoValueFinder } from '../explain/stores/dynamo-explain-reader.ts';
import { KeyringOpener, unavailableKek } from '../org-keys/keyring-opener.ts';
import type { UserGate } from '../users/middleware/user-auth.ts';
import { DynamoUserReader } from '../users/stores/dynamo-user-records.ts';
import { clock, createApiKeyAuth, orgDynamoClients, requestRecordTables, requireSetting } from './common.ts';
import { recordTables } from './user-stores.ts';

/** It reads what there is, and uses no key: what it tells of others it could not do itself. */
export function createExplainerServices() {
  const userGate: UserGate = { reader: new DynamoUserReader(orgDynamoClients(), recordTables()), clock };
  const stores = {
    values: new DynamoValueFinder(orgDynamoClients(), requireSetting('valueTable')),
    apiKeys: new DynamoApiKeys(orgDynamoClients(), requireSetting('apiKeyTable')),
    blobs: new DynamoBlobs(orgDynamoClients(), requireSetting('blobTable')),
    users: userGate.reader,
  };
  const explaining = new Explaining(stores, new Grants(requireSetting('grants')), clock);
  return {
    gate: createApiKeyAuth(requestRecordTables(), new KeyringOpener(unavailableKek, clock)),
    userGate,
    explaining,
  };
}
