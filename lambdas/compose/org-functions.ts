/** The composition root, of what serves org custody: which store stands behind which port. compose-users.ts is its other half. */
import { sweepKey } from '../../contract/environment.ts';
import { ApiKeys } from '../api-keys/api-key-service.ts';
import { DynamoApiKeys } from '../api-keys/stores/dynamo-api-keys.ts';
import { AuditReading } from '../audit/audit-query-service.ts';
import { Sealer, SealSweep } from '../audit/audit-seal-service.ts';
import { DynamoAudit } from '../audit/stores/dynamo-audit.ts';
import { DynamoSealMarks } from '../audit/stores/dynamo-audit-checkpoints.ts';
import { lambdaSealer } from '../audit/stores/lambda-sealer-client.ts';
import {
  copyClients,
  dynamoClients,
  lambdaClient,
  objectClients,
  ownKmsClient,
  ownS3Client,
  waitingLambdaClient,
} from '../aws/sdk-clients.ts';
import { type BlobSettings, Blobs } from '../blobs/blob-service.ts';
import { BlobUploads } from '../blobs/multipart-upload-service.ts';
import { BlobErasing } from '../blobs/org-blob-purger.ts';
import { Links } from '../blobs/share-link-service.ts';
import { DynamoBlobEraser, DynamoBlobs, DynamoLinks } from '../blobs/stores/dynamo-blobs.ts';
import { S3Objects } from '../blobs/stores/s3-objects.ts';
import { ChannelSecrets } from '../channels/channel-credentials.ts';
import { readChannelValue } from '../channels/stores/dynamo-channel-credentials.ts';
import { s3Pages } from '../link-page/stores/s3-page-bucket.ts';
import { Deks, FirstDek, noKek } from '../org-keys/keyring-opener.ts';
import { DynamoKeyrings } from '../org-keys/stores/dynamo-keyrings.ts';
import { KmsKek } from '../org-keys/stores/kms-kek.ts';
import { Orgs } from '../orgs/org-service.ts';
import { KeyringChanges, Rotations } from '../rotation/rotation-service.ts';
import type { RotationTasks } from '../rotation/rotation-starter.ts';
import { RotationDue } from '../rotation/rotation-trigger.ts';
import { RotationWorkflow } from '../rotation/rotation-workflow.ts';
import { DynamoRotations } from '../rotation/stores/dynamo-rotations.ts';
import { DynamoSweep } from '../rotation/stores/dynamo-value-scan.ts';
import { Sweeping } from '../rotation/value-reencryption-scan.ts';
import type { Kek } from '../shared/ports.ts';
import { DynamoRecords, type RecordTables } from '../shared/stores/dynamo-request-context.ts';
import { KmsSigner } from '../shared/stores/kms-signer.ts';
import { LambdaWorkflows } from '../shared/stores/lambda-workflow-client.ts';
import { noWorkflows } from '../shared/workflow-ports.ts';
import { ShredReceipts } from '../shredding/shred-receipt-service.ts';
import { Shredding } from '../shredding/shred-service.ts';
import type { ShredWork } from '../shredding/shred-workflow.ts';
import { findCopies } from '../shredding/stores/aws-backup-finder.ts';
import { Destroying } from '../shredding/value-destruction-service.ts';
import { UserErasing } from '../users/org-user-purger.ts';
import { DynamoUserEraser } from '../users/stores/dynamo-user-records.ts';
import { DynamoValues } from '../values/stores/dynamo-values.ts';
import { Reading } from '../values/value-reader.ts';
import { Writing } from '../values/value-writer.ts';
import { WriteStates } from '../values/write-precondition.ts';
import { clock, dynamo, gateOf, kms, once, sessions, setting, tables } from './common.ts';

const objects = /* @__PURE__ */ once(() => new S3Objects(objectClients(sessions()), setting('blobBucket')));

const kek = (): Kek => new KmsKek(kms(), setting('kekId'));
const keyrings = () => new DynamoKeyrings(dynamo(), setting('keyringTable'));
const apiKeys = () => new DynamoApiKeys(dynamo(), setting('apiKeyTable'));
const values = () => new DynamoValues(dynamo(), setting('valueTable'));
const signer = () => new KmsSigner(ownKmsClient(), setting('signingKeyId'));
const valueTables = (): RecordTables => ({ ...tables(), values: setting('valueTable') });

export const publicHost = () => ({ publicKeys: signer() });

export const operatorHost = () => ({ orgs: new Orgs(keyrings(), apiKeys(), clock) });

export function adminHost() {
  const gate = gateOf(tables(), new Deks(kek(), clock));
  return { gate, apiKeys: new ApiKeys(apiKeys(), clock) };
}

export function readerHost() {
  const gate = gateOf(valueTables(), new Deks(kek(), clock));
  return { gate, reading: new Reading(values(), clock) };
}

const rotationDue = () =>
  new RotationDue(
    { days: Number(setting('rotationDays')), messages: Number(setting('rotationMessages')) },
    once(() => rotationWorkflows()),
    once(() => rotationStore()),
    clock,
  );

export function writerHost() {
  const theKek = kek();
  const records = new DynamoRecords(dynamo(), valueTables());
  const deks = new Deks(theKek, clock);
  const states = new WriteStates(records, deks, new FirstDek(theKek, keyrings(), clock));
  return { gate: gateOf(valueTables(), deks), states, writing: new Writing(values(), clock, rotationDue()) };
}

const rotationStore = () => new DynamoRotations(dynamo(), setting('rotationTable'));
const rotationWorkflows = () => new LambdaWorkflows(lambdaClient(), setting('rotationFunction'));
const keyringChanges = (theKek: Kek, deks: Deks) => new KeyringChanges(theKek, keyrings(), deks, clock);

export function rotatorHost() {
  const theKek = kek();
  const deks = new Deks(theKek, clock);
  const changes = keyringChanges(theKek, deks);
  return {
    gate: gateOf(tables(), deks),
    rotations: new Rotations(changes, rotationStore(), rotationWorkflows(), clock),
  };
}

export function rotationWorkflowHost(): RotationTasks {
  const theKek = kek();
  const changes = keyringChanges(theKek, new Deks(theKek, clock));
  const sweeping = new Sweeping(changes, new DynamoSweep(dynamo(), setting('valueTable')), clock);
  return { changes, workflow: new RotationWorkflow(changes, sweeping, rotationStore(), clock) };
}

export function blobsHost() {
  const gate = gateOf(tables(), new Deks(noKek, clock));
  const records = new DynamoBlobs(dynamo(), setting('blobTable'));
  const settings: BlobSettings = { pageUrl: setting('pageUrl'), mostBytes: Number(setting('blobMaxBytes')) };
  return {
    gate,
    blobs: new Blobs(records, objects(), settings, clock),
    uploads: new BlobUploads(records, objects(), settings, clock),
  };
}

export function linksHost() {
  const records = new DynamoLinks(dynamo(), { blobs: setting('blobTable'), keyrings: setting('keyringTable') });
  return { links: new Links(records, objects(), clock) };
}

const blobErasing = () => new BlobErasing(objects(), new DynamoBlobEraser(dynamo(), setting('blobTable')));

const userErasing = () =>
  new UserErasing(
    new DynamoUserEraser(dynamo(), setting('userKeyringTable')),
    new DynamoUserEraser(dynamo(), setting('userRecordTable')),
  );

const shredWorkflows = () => new LambdaWorkflows(lambdaClient(), setting('shredFunction'));
const shredReceipts = () =>
  new ShredReceipts(
    keyrings(),
    {
      orgs: findCopies(copyClients(), { name: setting('keyringTable'), arn: setting('keyringTableArn') }),
      users: findCopies(copyClients(), { name: setting('userKeyringTable'), arn: setting('userKeyringTableArn') }),
    },
    { values: new DynamoSweep(dynamo(), setting('valueTable')), blobs: blobErasing(), users: userErasing() },
    signer(),
    clock,
  );

export function shredderHost() {
  const copies = findCopies(copyClients(), { name: setting('valueTable'), arn: setting('valueTableArn') });
  return {
    gate: gateOf(valueTables(), new Deks(noKek, clock)),
    shredding: new Shredding(keyrings(), blobErasing(), userErasing(), shredReceipts(), shredWorkflows(), clock),
    destroying: new Destroying(values(), copies, signer(), clock),
  };
}

export function shredWorkflowHost(): ShredWork {
  const receipts = shredReceipts();
  const erasing = blobErasing();
  const users = userErasing();
  // It ends what was started, and starts nothing itself.
  const shredding = new Shredding(keyrings(), erasing, users, receipts, noWorkflows, clock);
  return { shredding, erasing, users, receipts };
}

export function auditorHost() {
  const gate = gateOf(tables(), new Deks(noKek, clock));
  const reader = new DynamoAudit(dynamo(), setting('auditTable'));
  const seal = lambdaSealer(waitingLambdaClient(), setting('sealFunction'));
  return { gate, audit: new AuditReading(reader, seal, clock) };
}

export function sealerHost() {
  const table = setting('auditTable');
  const sealer = new Sealer(new DynamoAudit(dynamo(), table), signer(), clock);
  // By the function's own role: which orgs have new records is asked before there is an org to act for.
  const marks = new DynamoSealMarks(dynamoClients(undefined)(sweepKey.org), table);
  return { sealer, sweep: new SealSweep(sealer, marks, clock) };
}

/** The one function of org custody that serves conversations: with secrets of channels, and nothing of users. */
export function providerSecretsHost() {
  const read = readChannelValue(dynamo(), { keyrings: setting('keyringTable'), values: setting('valueTable') });
  return { secrets: new ChannelSecrets(read, new Deks(kek(), clock), clock) };
}

/** By the function's own role: the page belongs to no org. */
export const publisherHost = () => ({ pages: s3Pages(ownS3Client(), setting('pageBucket')) });
