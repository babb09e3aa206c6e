/** The user-side stores, each with its table or key of the deployment. */
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { createSyncLambdaClient } from '../aws/lambda-clients.ts';
import { createSqsClient } from '../aws/sdk-clients.ts';
import type { ProviderHttp } from '../channels/channel-ports.ts';
import { LambdaChannelCredentials } from '../channels/stores/lambda-channel-credentials-client.ts';
import { S3Media } from '../conversations/stores/s3-media.ts';
import { S3MediaUrls } from '../conversations/stores/s3-media-urls.ts';
import { JobProducer } from '../jobs/job-producer.ts';
import { KmsTransitKeys } from '../jobs/stores/kms-transit-keys.ts';
import { SqsJobQueue } from '../jobs/stores/sqs-job-queue.ts';
import { DynamoLocators } from '../users/stores/dynamo-locators.ts';
import { DynamoUserKeyrings } from '../users/stores/dynamo-user-keyrings.ts';
import { DynamoUserReader, DynamoUserRecords, type UserTables } from '../users/stores/dynamo-user-records.ts';
import { kmsCodeMacs, kmsCustodyMacs, kmsRoutingMacs } from '../users/stores/kms-macs.ts';
import { VerifiedUserReader } from '../users/verified-user-reader.ts';
import {
  keyringVerifier,
  lazy,
  orgDynamoClients,
  orgKmsClients,
  orgS3Clients,
  orgS3ObjectClients,
  requireSetting,
  unscopedKmsClient,
} from './common.ts';

export const userTables = () => ({
  keyrings: requireSetting('keyringTable'),
  userKeyrings: requireSetting('userKeyringTable'),
});

/** @param tables with or without the table of records */
export const userReader = (tables: UserTables) =>
  new VerifiedUserReader(new DynamoUserReader(orgDynamoClients(), tables), keyringVerifier());

export const recordTables = () => ({ ...userTables(), records: requireSetting('userRecordTable') });

export const userRecords = () => new DynamoUserRecords(orgDynamoClients(), requireSetting('userRecordTable'));

export const transitKeys = () => new KmsTransitKeys(orgKmsClients(), requireSetting('transitKeyId'));

export const jobQueue = /* @__PURE__ */ lazy(() => new SqsJobQueue(createSqsClient(), requireSetting('jobQueueUrl')));

export const jobSender = () => new JobProducer(transitKeys(), jobQueue());

/** The files of messages, in the bucket of blobs. */
export const userMedia = () => new S3Media(orgS3Clients(), requireSetting('blobBucket'));
export const userMediaUrls = () => new S3MediaUrls(orgS3ObjectClients(), requireSetting('blobBucket'));

export const userKeyrings = () => new DynamoUserKeyrings(orgDynamoClients(), requireSetting('userKeyringTable'));

export const locatorStore = () => new DynamoLocators(orgDynamoClients(), requireSetting('userKeyringTable'));

export const custodyMacs = () => kmsCustodyMacs(unscopedKmsClient(), requireSetting('custodyKeyId'));

export const codeMacs = () => kmsCodeMacs(unscopedKmsClient(), requireSetting('codeKeyId'));

export const routingMacs = () => kmsRoutingMacs(unscopedKmsClient(), requireSetting('routingKeyId'));

export const channelCredentials = () =>
  new LambdaChannelCredentials(createSyncLambdaClient(), requireSetting('secretsFunction'));

/** The base URL is overridden only in the local vault. */
export const providerHttp = (): ProviderHttp => ({ fetch, baseUrlOverride: process.env[functionEnv.providerApis] });
