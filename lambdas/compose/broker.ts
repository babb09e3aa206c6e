/** Composes the function `broker`. */
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { DynamoRequestRecords } from '../api-keys/stores/dynamo-request-records.ts';
import { AccessTokens } from '../broker/access-tokens.ts';
import { FetchService } from '../broker/fetch-service.ts';
import { KnownValues } from '../broker/known-values.ts';
import { RefreshedValue } from '../broker/refreshed-value.ts';
import { DynamoBrokerRecords, DynamoTokenRecords } from '../broker/stores/dynamo-broker-records.ts';
import { OutboundUpstream } from '../broker/stores/outbound-upstream.ts';
import { TokenEndpoint } from '../broker/token-endpoint.ts';
import { FirstDekCreator } from '../org-keys/keyring-opener.ts';
import { ValueReader } from '../values/value-reader.ts';
import { ValueWriter } from '../values/value-writer.ts';
import { WriteSnapshotLoader } from '../values/write-snapshot-loader.ts';
import {
  authenticationKeys,
  clock,
  configuredHosts,
  createApiKeyAuth,
  createKeyringOpener,
  orgDynamoClients,
  requireSetting,
} from './common.ts';
import { kek, keyrings, requestRecordTablesWithValues, valueStores } from './stores.ts';

export function createBrokerServices() {
  const orgKek = kek();
  const keyringOpener = createKeyringOpener(orgKek);
  const stores = valueStores();
  const reader = new ValueReader(stores, clock);
  const table = requireSetting('brokerTable');
  const records = new DynamoBrokerRecords(orgDynamoClients(), table);
  const upstream = new OutboundUpstream();
  const allowsLoopback = process.env[functionEnv.localOrgs] === '1';
  const tokens = new AccessTokens(
    new DynamoTokenRecords(orgDynamoClients(), table),
    new TokenEndpoint(upstream, clock, allowsLoopback),
    new RefreshedValue(reader, new ValueWriter(stores, clock)),
    clock,
  );
  return {
    apiKeyAuth: createApiKeyAuth(requestRecordTablesWithValues(), keyringOpener),
    snapshotLoader: new WriteSnapshotLoader(
      new DynamoRequestRecords(orgDynamoClients(), requestRecordTablesWithValues()),
      keyringOpener,
      new FirstDekCreator(orgKek, authenticationKeys(), keyrings(), clock),
    ),
    fetchService: new FetchService({
      reader,
      known: new KnownValues(records, clock),
      counters: records,
      tokens,
      upstream,
      clock,
      allowsLoopback,
    }),
    ownHosts: configuredHosts(),
  };
}
