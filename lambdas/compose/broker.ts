/** Composes the function `broker`. */
import { directoryMarkPrefix, functionEnv } from '../../contract/shared/environment-variables.ts';
import { DynamoRequestRecords } from '../api-keys/stores/dynamo-request-records.ts';
import { ApprovalGate } from '../approvals/approval-gate.ts';
import { BrokerDirectory } from '../approvals/broker-directory.ts';
import { BrokerIdentity } from '../approvals/broker-identity.ts';
import { DirectoryMarks } from '../approvals/directory-marks.ts';
import { QuestionService } from '../approvals/question-service.ts';
import { DynamoApprovals } from '../approvals/stores/dynamo-approvals.ts';
import { kmsBrokerSeeds } from '../approvals/stores/kms-broker-seeds.ts';
import { wakeDevices } from '../approvals/wake-devices.ts';
import { createLambdaEventClient } from '../aws/clients.ts';
import { AccessTokens } from '../broker/access-tokens.ts';
import { UseApprovals } from '../broker/approvals.ts';
import { FetchService } from '../broker/fetch-service.ts';
import { KnownValues } from '../broker/known-values.ts';
import { RefreshedValue } from '../broker/refreshed-value.ts';
import { DynamoBrokerRecords, DynamoTokenRecords } from '../broker/stores/dynamo-broker-records.ts';
import { OutboundUpstream } from '../broker/stores/outbound-upstream.ts';
import { TokenEndpoint } from '../broker/token-endpoint.ts';
import { DirectoryReader } from '../directory/directory-reader.ts';
import { DynamoDirectory } from '../directory/stores/dynamo-directory.ts';
import { DynamoSnapshots } from '../directory/stores/dynamo-snapshots.ts';
import { logLostNotice } from '../middleware/lost-notice.ts';
import type { WriteRequestLog } from '../middleware/request-log.ts';
import { FirstDekCreator } from '../org-keys/keyring-opener.ts';
import { S3OrgMarks } from '../records/stores/s3-org-marks.ts';
import { lambdaNotifier } from '../shared/stores/lambda-notifier.ts';
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
  orgS3ObjectClients,
  requireSetting,
  unscopedKmsClient,
} from './common.ts';
import { kek, keyrings, requestRecordTablesWithValues, valueStores } from './stores.ts';

/** @param log gets a line if devices could not be told about a question */
export function createBrokerServices(log: WriteRequestLog) {
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
  const { approvals, identity, personKeys } = createApprovals(log);
  return {
    identity,
    personKeys,
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
      approvals,
      upstream,
      clock,
      allowsLoopback,
    }),
    ownHosts: configuredHosts(),
  };
}

/** Questions to persons, and their answers. The directory is verified as by any reader. */
function createApprovals(log: WriteRequestLog) {
  const tables = { keyrings: requireSetting('keyringTable'), directory: requireSetting('directoryTable') };
  const entries = new DynamoDirectory(orgDynamoClients(), tables);
  const snapshots = new DynamoSnapshots(orgDynamoClients(), tables.directory);
  const marks = new S3OrgMarks(orgS3ObjectClients(), requireSetting('lockedBucket'), directoryMarkPrefix);
  const directory = new BrokerDirectory(
    new DirectoryReader(entries, snapshots, authenticationKeys()),
    entries,
    new DirectoryMarks(authenticationKeys(), marks),
  );
  const identity = new BrokerIdentity(kmsBrokerSeeds(unscopedKmsClient(), requireSetting('brokerKeyId')));
  const store = new DynamoApprovals(orgDynamoClients(), requireSetting('approvalTable'));
  const wake = wakeDevices(
    lambdaNotifier(createLambdaEventClient(), requireSetting('notifierFunction')),
    (org, error) => logLostNotice(log, org, error),
  );
  return {
    identity,
    personKeys: store,
    approvals: new UseApprovals(
      new QuestionService({ store, directory, identity, wake, clock }),
      new ApprovalGate({ store, directory, identity, clock }),
    ),
  };
}
