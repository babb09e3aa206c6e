/** The stores of users, each with its table or key of the deployment. */
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { ownKmsClient, sqsClient, waitingLambdaClient } from '../aws/sdk-clients.ts';
import type { Carrier } from '../channels/channel-ports.ts';
import { LambdaProviderSecrets } from '../channels/stores/lambda-channel-credentials-client.ts';
import { JobSender } from '../jobs/job-producer.ts';
import { KmsTransitKeys } from '../jobs/stores/kms-transit-keys.ts';
import { SqsJobQueue } from '../jobs/stores/sqs-job-queue.ts';
import { DynamoLocators } from '../users/stores/dynamo-locators.ts';
import { DynamoUserKeyrings } from '../users/stores/dynamo-user-keyrings.ts';
import { DynamoUserRecords } from '../users/stores/dynamo-user-records.ts';
import { kmsCodeMacs, kmsCustodyMacs, kmsRoutingMacs } from '../users/stores/kms-macs.ts';
import { dynamo, kms, once, setting } from './common.ts';

export const userTables = () => ({ keyrings: setting('keyringTable'), userKeyrings: setting('userKeyringTable') });

export const recordTables = () => ({ ...userTables(), records: setting('userRecordTable') });

export const userRecords = () => new DynamoUserRecords(dynamo(), setting('userRecordTable'));

const ownKms = /* @__PURE__ */ once(ownKmsClient);

export const transitKeys = () => new KmsTransitKeys(kms(), setting('transitKeyId'));

export const jobQueue = /* @__PURE__ */ once(() => new SqsJobQueue(sqsClient(), setting('jobQueueUrl')));

export const jobSender = () => new JobSender(transitKeys(), jobQueue());

export const userKeyrings = () => new DynamoUserKeyrings(dynamo(), setting('userKeyringTable'));

export const locatorStore = () => new DynamoLocators(dynamo(), setting('userKeyringTable'));

export const custodyMacs = () => kmsCustodyMacs(ownKms(), setting('custodyKeyId'));

export const codeMacs = () => kmsCodeMacs(ownKms(), setting('codeKeyId'));

export const routingMacs = () => kmsRoutingMacs(ownKms(), setting('routingKeyId'));

export const channelSecrets = () => new LambdaProviderSecrets(waitingLambdaClient(), setting('secretsFunction'));

/** Only on one machine are the providers' APIs elsewhere. */
export const carrier = (): Carrier => ({ fetch, apis: process.env[functionEnv.providerApis] });
