/** The stores of org custody, each with its table or key of the deployment. */
import { DynamoApiKeys } from '../api-keys/stores/dynamo-api-keys.ts';
import type { RecordTables } from '../api-keys/stores/dynamo-request-records.ts';
import { objectClients, ownKmsClient } from '../aws/sdk-clients.ts';
import { BlobErasing } from '../blobs/org-blob-purger.ts';
import { DynamoBlobEraser } from '../blobs/stores/dynamo-blobs.ts';
import { S3Objects } from '../blobs/stores/s3-objects.ts';
import type { Kek } from '../org-keys/keyring-ports.ts';
import { DynamoKeyrings } from '../org-keys/stores/dynamo-keyrings.ts';
import { KmsKek } from '../org-keys/stores/kms-kek.ts';
import { KmsSigner } from '../shared/stores/kms-signer.ts';
import { UserErasing } from '../users/org-user-purger.ts';
import { DynamoUserEraser } from '../users/stores/dynamo-user-records.ts';
import { DynamoValues } from '../values/stores/dynamo-values.ts';
import { dynamo, kms, once, sessions, setting, tables } from './common.ts';

export const objects = /* @__PURE__ */ once(() => new S3Objects(objectClients(sessions()), setting('blobBucket')));

export const kek = (): Kek => new KmsKek(kms(), setting('kekId'));

export const keyrings = () => new DynamoKeyrings(dynamo(), setting('keyringTable'));

export const apiKeys = () => new DynamoApiKeys(dynamo(), setting('apiKeyTable'));

export const values = () => new DynamoValues(dynamo(), setting('valueTable'));

export const signer = () => new KmsSigner(ownKmsClient(), setting('signingKeyId'));

export const valueTables = (): RecordTables => ({ ...tables(), values: setting('valueTable') });

export const blobErasing = () => new BlobErasing(objects(), new DynamoBlobEraser(dynamo(), setting('blobTable')));

export const userErasing = () =>
  new UserErasing(
    new DynamoUserEraser(dynamo(), setting('userKeyringTable')),
    new DynamoUserEraser(dynamo(), setting('userRecordTable')),
  );
