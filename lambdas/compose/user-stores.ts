/** The stores of users, each with its table or key of the deployment. */
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { createKmsClient, createSqsClient, createSyncLambdaClient } from '../aws/sdk-clients.ts';
import type { Carrier } from '../channels/channel-ports.ts';
import { LambdaProviderSecrets } from '../channels/stores/lambda-channel-credentials-client.ts';
import { JobSender } from '../jobs/job-producer.ts';
import { KmsTransitKeys } from '../jobs/stores/kms-transit-keys.ts';
import { SqsJobQueue } from '../jobs/stores/sqs-job-queue.ts';
import { DynamoLocators } from '../users/stores/dynamo-locators.ts';
import { DynamoUserKeyrings } from '../users/stores/dynamo-user-keyrings.ts';
import { DynamoUserRecords } from '../users/stores/dynamo-user-records.ts';
import { kmsCodeMacs, kmsCustodyMacs, kmsRoutingMacs } from '../users/stores/kms-macs.ts';
import { lazy, orgDynamoClients, orgKmsClients, requireSetting } from './common.ts';

export const userTables = () => ({
  keyrings: requireSetting('keyringTable'),
  userKeyrings: requireSetting('userKeyringTable'),
});

export const recordTables = () => ({ ...userTables(), records: requireSetting('userRecordTable') });

export const userRecords = () => new DynamoUserRecords(orgDynamoClients(), requireSetting('userRecordTable'));

const ownKms = /* @__PURE__ */ lazy(createKmsClient);

export const transitKeys = () => new KmsTransitKeys(orgKmsClients(), requireSetting('transitKeyId'));

export const jobQueue = /* @__PURE__ */ lazy(() => new SqsJobQueue(createSqsClient(), requireSetting('jobQueueUrl')));

export const jobSender = () => new JobSender(transitKeys(), jobQueue());

export const userKeyrings = () => new DynamoUserKeyrings(orgDynamoClients(), requireSetting('userKeyringTable'));

export const locatorStore = () => new DynamoLocators(orgDynamoClients(), requireSetting('userKeyringTable'));

export const custodyMacs = () => kmsCustodyMacs(ownKms(), requireSetting('custodyKeyId'));

export const codeMacs = () => kmsCodeMacs(ownKms(), requireSetting('codeKeyId'));

export const routingMacs = () => kmsRoutingMacs(ownKms(), requireSetting('routingKeyId'));

export const channelSecrets = () =>
  new LambdaProviderSecrets(createSyncLambdaClient(), requireSetting('secretsFunction'));

/** Only on one machine are the providers' APIs elsewhere. */
export const carrier = (): Carrier => ({ fetch, apis: process.env[functionEnv.providerApis] });
