/** The composition root, of what serves users: which store stands behind which port. compose.ts is its other half. */
import { functionEnv } from '../../contract/environment.ts';
import { DynamoApiKeys } from '../api-keys/stores/dynamo-api-keys.ts';
import { ownKmsClient, responderClient, sqsClient, waitingLambdaClient } from '../aws/sdk-clients.ts';
import { DynamoBlobs } from '../blobs/stores/dynamo-blobs.ts';
import type { Carrier } from '../channels/channel-ports.ts';
import { channels } from '../channels/providers/provider-registry.ts';
import { LambdaProviderSecrets } from '../channels/stores/lambda-channel-credentials-client.ts';
import { Commands } from '../conversations/chat-command-service.ts';
import { Conversations } from '../conversations/message-processor.ts';
import { DynamoDeliveries } from '../conversations/stores/dynamo-deliveries.ts';
import { LambdaResponder } from '../conversations/stores/lambda-responder-client.ts';
import { Receiving } from '../conversations/webhook-receiver.ts';
import { Explaining } from '../explain/explain-service.ts';
import { Grants } from '../explain/iam-grants.ts';
import { DynamoValueFinder } from '../explain/stores/dynamo-explain-reader.ts';
import { JobSender } from '../jobs/job-producer.ts';
import { KmsTransitKeys } from '../jobs/stores/kms-transit-keys.ts';
import { SqsJobQueue } from '../jobs/stores/sqs-job-queue.ts';
import { MemoryReading } from '../memory/memory-reader.ts';
import { MemoryWriting } from '../memory/memory-writer.ts';
import { Deks, noKek } from '../org-keys/keyring-opener.ts';
import { Accounts } from '../users/account-service.ts';
import { Erasing } from '../users/deleted-user-purger.ts';
import { Linking } from '../users/identity-linking-service.ts';
import { Identities } from '../users/identity-unlock.ts';
import { Locators } from '../users/locator-claims.ts';
import { Logins } from '../users/login-service.ts';
import type { UserGate } from '../users/middleware/user-auth.ts';
import { Passwords } from '../users/password-service.ts';
import { PasswordSlots } from '../users/password-slot.ts';
import { Confirming } from '../users/reauthentication.ts';
import { SlotChanges } from '../users/slot-updater.ts';
import { DynamoLocators } from '../users/stores/dynamo-locators.ts';
import { DynamoUserKeyrings } from '../users/stores/dynamo-user-keyrings.ts';
import { DynamoUserEraser, DynamoUserReader, DynamoUserRecords } from '../users/stores/dynamo-user-records.ts';
import { kmsCodeMacs, kmsCustodyMacs, kmsRoutingMacs } from '../users/stores/kms-macs.ts';
import { Users } from '../users/user-admin-service.ts';
import { DeletingUsers } from '../users/user-deletion-service.ts';
import { Working } from '../worker/job-consumer.ts';
import { auditTrail, clock, dynamo, gateOf, kms, once, setting, tables } from './common.ts';

const userTables = () => ({ keyrings: setting('keyringTable'), userKeyrings: setting('userKeyringTable') });
const recordTables = () => ({ ...userTables(), records: setting('userRecordTable') });
const userRecords = () => new DynamoUserRecords(dynamo(), setting('userRecordTable'));

export function memoryHost() {
  const gate: UserGate = { reader: new DynamoUserReader(dynamo(), recordTables()), clock };
  const records = userRecords();
  return {
    gate,
    reading: new MemoryReading(gate.reader, records, clock),
    writing: new MemoryWriting(gate.reader, records, clock),
  };
}

/** It reads what there is, and uses no key: what it tells of others it could not do itself. */
export function explainerHost() {
  const userGate: UserGate = { reader: new DynamoUserReader(dynamo(), recordTables()), clock };
  const stores = {
    values: new DynamoValueFinder(dynamo(), setting('valueTable')),
    apiKeys: new DynamoApiKeys(dynamo(), setting('apiKeyTable')),
    blobs: new DynamoBlobs(dynamo(), setting('blobTable')),
    users: userGate.reader,
  };
  const explaining = new Explaining(stores, new Grants(setting('grants')), clock);
  return { gate: gateOf(tables(), new Deks(noKek, clock)), userGate, explaining };
}

const ownKms = /* @__PURE__ */ once(ownKmsClient);
const transitKeys = () => new KmsTransitKeys(kms(), setting('transitKeyId'));
const jobQueue = /* @__PURE__ */ once(() => new SqsJobQueue(sqsClient(), setting('jobQueueUrl')));
const jobSender = () => new JobSender(transitKeys(), jobQueue());
const userKeyrings = () => new DynamoUserKeyrings(dynamo(), setting('userKeyringTable'));
const locatorStore = () => new DynamoLocators(dynamo(), setting('userKeyringTable'));
const custodyMacs = () => kmsCustodyMacs(ownKms(), setting('custodyKeyId'));
const codeMacs = () => kmsCodeMacs(ownKms(), setting('codeKeyId'));
const routingMacs = () => kmsRoutingMacs(ownKms(), setting('routingKeyId'));
const channelSecrets = () => new LambdaProviderSecrets(waitingLambdaClient(), setting('secretsFunction'));
/** Only on one machine are the providers' APIs elsewhere. */
const carrier = (): Carrier => ({ fetch, apis: process.env[functionEnv.providerApis] });

/** No key of theirs is in this function's reach: it makes users, and ends them. */
export function usersHost() {
  const keyrings = userKeyrings();
  const deleting = new DeletingUsers(keyrings, locatorStore(), jobSender(), clock);
  return { gate: gateOf(tables(), new Deks(noKek, clock)), users: new Users(keyrings, deleting, clock) };
}

export function accountsHost() {
  const reader = new DynamoUserReader(dynamo(), userTables());
  const [keyrings, store, codes, routing] = [userKeyrings(), locatorStore(), codeMacs(), routingMacs()];
  const slots = new PasswordSlots(codes);
  const locators = new Locators(store, keyrings, clock);
  const changes = new SlotChanges(keyrings, clock);
  const confirming = new Confirming(store, slots, clock);
  const gate: UserGate = { reader, clock };
  return {
    gate,
    confirming,
    accounts: new Accounts(changes, store, clock),
    passwords: new Passwords({ changes, store, locators, confirming, routing, slots, clock }),
    linking: new Linking({ reader, store, locators, codes, routing, changes, clock }),
    deleting: new DeletingUsers(keyrings, store, jobSender(), clock),
    logins: new Logins({ reader, store, attempts: store, routing, slots, changes, clock }),
  };
}

export function webhooksHost() {
  const receiving = new Receiving({
    secrets: channelSecrets(),
    channels,
    carrier: carrier(),
    deliveries: new DynamoDeliveries(dynamo(), setting('deliveryTable')),
    routing: routingMacs(),
    jobs: jobSender(),
    clock,
  });
  return { receiving, publicUrl: setting('publicUrl') };
}

/** The one function that has all keys of users in reach, and the transit key's other half: while a message is there that needs them. */
export function workerHost() {
  const reader = new DynamoUserReader(dynamo(), recordTables());
  const [keyrings, store, custody, codes, routing, jobs] = [
    userKeyrings(),
    locatorStore(),
    custodyMacs(),
    codeMacs(),
    routingMacs(),
    jobSender(),
  ];
  const locators = new Locators(store, keyrings, clock);
  const changes = new SlotChanges(keyrings, clock);
  const deleting = new DeletingUsers(keyrings, store, jobs, clock);
  const identities = new Identities({ reader, keyrings, locators, custody, routing, clock });
  const linking = new Linking({ reader, store, locators, codes, routing, changes, clock });
  const accounts = new Accounts(changes, store, clock);
  const commands = new Commands({ identities, locators: store, reader, linking, accounts, deleting, clock });
  const responder = process.env[functionEnv.responderFunction];
  const conversations = new Conversations({
    identities,
    reader,
    records: userRecords(),
    commands,
    responder: responder ? new LambdaResponder(responderClient(), responder) : undefined,
    secrets: channelSecrets(),
    channels,
    carrier: carrier(),
    clock,
  });
  const eraser = new DynamoUserEraser(dynamo(), setting('userRecordTable'));
  const erasing = new Erasing({ keyrings, locators: store, eraser, jobs, clock });
  const parts = { transit: transitKeys(), conversations, erasing, audit: auditTrail(), queue: jobQueue(), clock };
  return { working: new Working(parts) };
}
