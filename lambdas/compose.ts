/** The composition root, of what serves org custody: which store stands behind which port. compose-users.ts is its other half. */
import { sweepKey } from '../contract/environment.ts';
import {
  copyClients,
  dynamoClients,
  lambdaClient,
  objectClients,
  ownKmsClient,
  ownS3Client,
  waitingLambdaClient,
} from './aws/clients.ts';
import { clock, dynamo, gateOf, kms, once, sessions, setting, tables } from './compose-parts.ts';
import { ApiKeys } from './domain/api-keys.ts';
import { AuditReading } from './domain/audit-reading.ts';
import { Sealer, SealSweep } from './domain/audit-seals.ts';
import { BlobErasing } from './domain/blob-erasing.ts';
import { BlobUploads } from './domain/blob-uploads.ts';
import { type BlobSettings, Blobs } from './domain/blobs.ts';
import { ChannelSecrets } from './domain/channel-secrets.ts';
import { Deks, FirstDek, noKek } from './domain/deks.ts';
import { Destroying } from './domain/destroying.ts';
import { Links } from './domain/links.ts';
import { Orgs } from './domain/orgs.ts';
import type { Kek } from './domain/ports.ts';
import { Reading } from './domain/reading.ts';
import { KeyringChanges, Rotations } from './domain/rotation.ts';
import { RotationDue } from './domain/rotation-due.ts';
import type { RotationTasks } from './domain/rotation-tasks.ts';
import { RotationWorkflow } from './domain/rotation-workflow.ts';
import { ShredReceipts } from './domain/shred-receipts.ts';
import type { ShredWork } from './domain/shred-workflow.ts';
import { Shredding } from './domain/shredding.ts';
import { noWorkflows } from './domain/steps.ts';
import { Sweeping } from './domain/sweeping.ts';
import { UserErasing } from './domain/user-erasing.ts';
import { WriteStates } from './domain/write-states.ts';
import { Writing } from './domain/writing.ts';
import { DynamoApiKeys } from './stores/api-keys.ts';
import { DynamoAudit } from './stores/audit.ts';
import { DynamoSealMarks } from './stores/audit-marks.ts';
import { DynamoBlobEraser, DynamoBlobs, DynamoLinks } from './stores/blobs.ts';
import { readChannelValue } from './stores/channel-values.ts';
import { findCopies } from './stores/copies.ts';
import { KmsKek } from './stores/kek.ts';
import { DynamoKeyrings } from './stores/keyrings.ts';
import { S3Objects } from './stores/objects.ts';
import { s3Pages } from './stores/pages.ts';
import { DynamoRecords, type RecordTables } from './stores/records.ts';
import { DynamoRotations } from './stores/rotations.ts';
import { lambdaSealer } from './stores/sealer.ts';
import { KmsSigner } from './stores/signer.ts';
import { DynamoSweep } from './stores/sweep.ts';
import { DynamoUserEraser } from './stores/user-records.ts';
import { DynamoValues } from './stores/values.ts';
import { LambdaWorkflows } from './stores/workflows.ts';

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
