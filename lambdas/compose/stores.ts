/** The org-side stores, each with its table, bucket or key of the deployment. */
import { DynamoApiKeys } from '../api-keys/stores/dynamo-api-keys.ts';
import type { RequestRecordTables } from '../api-keys/stores/dynamo-request-records.ts';
import { createKmsSdkClient } from '../aws/sdk-clients.ts';
import { AuthenticatedBlobs } from '../blobs/authenticated-blobs.ts';
import { BlobRecordVerifier } from '../blobs/blob-record-verifier.ts';
import { OrgBlobPurger } from '../blobs/org-blob-purger.ts';
import { DynamoBlobPurger, DynamoBlobs } from '../blobs/stores/dynamo-blobs.ts';
import { S3Objects } from '../blobs/stores/s3-objects.ts';
import type { Kek } from '../org-keys/keyring-ports.ts';
import { DynamoKeyrings } from '../org-keys/stores/dynamo-keyrings.ts';
import { KmsKek } from '../org-keys/stores/kms-kek.ts';
import { KmsSigner } from '../shared/stores/kms-signer.ts';
import { OrgUserPurger } from '../users/org-user-purger.ts';
import { DynamoUserItems } from '../users/stores/dynamo-user-records.ts';
import { DynamoValueHistory } from '../values/stores/dynamo-value-history.ts';
import { DynamoValues } from '../values/stores/dynamo-values.ts';
import type { ValueStores } from '../values/value-ports.ts';
import {
  authenticationKeys,
  lazy,
  orgDynamoClients,
  orgKmsClients,
  orgS3Clients,
  requestRecordTables,
  requireSetting,
} from './common.ts';

export const objects = /* @__PURE__ */ lazy(() => new S3Objects(orgS3Clients(), requireSetting('blobBucket')));

export const kek = (): Kek => new KmsKek(orgKmsClients(), requireSetting('kekId'));

export const keyrings = () => new DynamoKeyrings(orgDynamoClients(), requireSetting('keyringTable'));

export const apiKeys = () => new DynamoApiKeys(orgDynamoClients(), requireSetting('apiKeyTable'));

export const valueStores = (): ValueStores => ({
  values: new DynamoValues(orgDynamoClients(), requireSetting('valueTable')),
  history: new DynamoValueHistory(orgDynamoClients(), requireSetting('valueTable')),
});

export const signer = () => new KmsSigner(createKmsSdkClient(), requireSetting('signingKeyId'));

/** Signs push notices. Its public key is what browsers subscribe with. */
export const pushSigner = () => new KmsSigner(createKmsSdkClient(), requireSetting('pushKeyId'));

export const requestRecordTablesWithValues = (): RequestRecordTables => ({
  ...requestRecordTables(),
  values: requireSetting('valueTable'),
});

export const blobRecordVerifier = () => new BlobRecordVerifier(authenticationKeys());

export const authenticatedBlobs = () =>
  new AuthenticatedBlobs(new DynamoBlobs(orgDynamoClients(), requireSetting('blobTable')), blobRecordVerifier());

export const createBlobPurger = () =>
  new OrgBlobPurger(objects(), new DynamoBlobPurger(orgDynamoClients(), requireSetting('blobTable')));

export const createUserPurger = () =>
  new OrgUserPurger({
    keyrings: new DynamoUserItems(orgDynamoClients(), requireSetting('userKeyringTable')),
    records: new DynamoUserItems(orgDynamoClients(), requireSetting('userRecordTable')),
    deviceRosters: new DynamoUserItems(orgDynamoClients(), requireSetting('deviceRosterTable')),
    deviceLogs: new DynamoUserItems(orgDynamoClients(), requireSetting('deviceLogTable')),
    brokerRecords: new DynamoUserItems(orgDynamoClients(), requireSetting('brokerTable')),
    approvals: new DynamoUserItems(orgDynamoClients(), requireSetting('approvalTable')),
    secretRequests: new DynamoUserItems(orgDynamoClients(), requireSetting('secretRequestTable')),
    mailboxes: new DynamoUserItems(orgDynamoClients(), requireSetting('mailboxTable')),
    directories: new DynamoUserItems(orgDynamoClients(), requireSetting('directoryTable')),
  });
