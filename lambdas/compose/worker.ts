/** Composes the function `worker`. */
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { createResponderLambdaClient } from '../aws/sdk-clients.ts';
import { channels } from '../channels/providers/provider-registry.ts';
import { Commands } from '../conversations/chat-command-service.ts';
import { Conversations } from '../conversations/message-processor.ts';
import { LambdaResponder } from '../conversations/stores/lambda-responder-client.ts';
import { Accounts } from '../users/account-service.ts';
import { Erasing } from '../users/deleted-user-purger.ts';
import { Linking } from '../users/identity-linking-service.ts';
import { Identities } from '../users/identity-unlock.ts';
import { Locators } from '../users/locator-claims.ts';
import { SlotChanges } from '../users/slot-updater.ts';
import { DynamoUserEraser, DynamoUserReader } from '../users/stores/dynamo-user-records.ts';
import { DeletingUsers } from '../users/user-deletion-service.ts';
import { Working } from '../worker/job-consumer.ts';
import { clock, createAuditLog, orgDynamoClients, requireSetting } from './common.ts';
import {
  carrier,
  channelSecrets,
  codeMacs,
  custodyMacs,
  jobQueue,
  jobSender,
  locatorStore,
  recordTables,
  routingMacs,
  transitKeys,
  userKeyrings,
  userRecords,
} from './user-stores.ts';

/** The one function that has all keys of users in reach, and the transit key's other half: while a message is there that needs them. */
export function createWorkerServices() {
  const reader = new DynamoUserReader(orgDynamoClients(), recordTables());
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
    responder: responder ? new LambdaResponder(createResponderLambdaClient(), responder) : undefined,
    secrets: channelSecrets(),
    channels,
    carrier: carrier(),
    clock,
  });
  const eraser = new DynamoUserEraser(orgDynamoClients(), requireSetting('userRecordTable'));
  const erasing = new Erasing({ keyrings, locators: store, eraser, jobs, clock });
  const parts = { transit: transitKeys(), conversations, erasing, audit: createAuditLog(), queue: jobQueue(), clock };
  return { working: new Working(parts) };
}
