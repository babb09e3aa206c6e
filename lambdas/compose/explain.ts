/** Composes the function `explainer`. */
import { DynamoApiKeys } from '../api-keys/stores/dynamo-api-keys.ts';
import { DynamoBlobs } from '../blobs/stores/dynamo-blobs.ts';
import { Explaining } from '../explain/explain-service.ts';
import { Grants } from '../explain/iam-grants.ts';
import { DynamoValueFinder } from '../explain/stores/dynamo-explain-reader.ts';
import { Deks, noKek } from '../org-keys/keyring-opener.ts';
import type { UserGate } from '../users/middleware/user-auth.ts';
import { DynamoUserReader } from '../users/stores/dynamo-user-records.ts';
import { clock, dynamo, gateOf, setting, tables } from './common.ts';
import { recordTables } from './user-stores.ts';

/** It reads what there is, and uses no key: what it tells of others it could not do itself. */
export function explainerHost() {
  const userGate: UserGate = { reader: new DynamoUserReader(dynamo(), recordTables()), clock };
  const stores = {
    values: new DynamoValueFinder(dynamo(), setting('valueTable')),
    apiKeys: new DynamoApiKeys(dynamo(), setting('apiKeyTable')),
    blobs: new DynamoBlobs(dynamo(), setting('blobTable')),
    users: userGate.reader,
  };
  const explaining = new Explaining(stores, new Grants(setting('grants')), clock);
  return { gate: gateOf(tables(), new Deks(noKek, clock)), userGate, explaining };
}
