/** Composes the functions `reader` and `writer`. */
import { DynamoRequestRecords } from '../api-keys/stores/dynamo-request-records.ts';
import { FirstDekCreator } from '../org-keys/keyring-opener.ts';
import { ValueDeleter } from '../values/value-deleter.ts';
import { ValueReader } from '../values/value-reader.ts';
import { ValueWriter } from '../values/value-writer.ts';
import { WriteSnapshotLoader } from '../values/write-snapshot-loader.ts';
import { authenticationKeys, clock, createApiKeyAuth, createKeyringOpener, orgDynamoClients } from './common.ts';
import { createRotationTrigger } from './rotation-trigger.ts';
import { kek, keyrings, requestRecordTablesWithValues, valueStores } from './stores.ts';

export function createReaderServices() {
  const apiKeyAuth = createApiKeyAuth(requestRecordTablesWithValues(), createKeyringOpener(kek()));
  return { apiKeyAuth, valueReader: new ValueReader(valueStores(), clock) };
}

export function createWriterServices() {
  const orgKek = kek();
  const records = new DynamoRequestRecords(orgDynamoClients(), requestRecordTablesWithValues());
  const keyringOpener = createKeyringOpener(orgKek);
  const snapshotLoader = new WriteSnapshotLoader(
    records,
    keyringOpener,
    new FirstDekCreator(orgKek, authenticationKeys(), keyrings(), clock),
  );
  return {
    apiKeyAuth: createApiKeyAuth(requestRecordTablesWithValues(), keyringOpener),
    snapshotLoader,
    valueWriter: new ValueWriter(valueStores(), clock, createRotationTrigger()),
    valueDeleter: new ValueDeleter(valueStores()),
  };
}
