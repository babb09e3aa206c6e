/** Composes the function `worker`. */
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { createResponderLambdaClient } from '../aws/sdk-clients.ts';
import { channelProviders } from '../channels/providers/provider-registry.ts';
import { ChatCommandService } from '../conversations/chat-command-service.ts';
import { MessageProcessor } from '../conversations/message-processor.ts';
import { LambdaResponder } from '../conversations/stores/lambda-responder-client.ts';
import { AccountService } from '../users/account-service.ts';
import { DeletedUserPurger } from '../users/deleted-user-purger.ts';
import { IdentityLinkingService } from '../users/identity-linking-service.ts';
import { IdentityUserService } from '../users/identity-user-service.ts';
import { LocatorRegistry } from '../users/locator-registry.ts';
import { SlotUpdater } from '../users/slot-updater.ts';
import { DynamoUserItems, DynamoUserReader } from '../users/stores/dynamo-user-records.ts';
import { UserDeletionService } from '../users/user-deletion-service.ts';
import { JobConsumer } from '../worker/job-consumer.ts';
import { clock, createAuditLog, orgDynamoClients, requireSetting } from './common.ts';
import {
  channelCredentials,
  codeMacs,
  custodyMacs,
  jobQueue,
  jobSender,
  locatorStore,
  providerHttp,
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
  const locators = new LocatorRegistry(store, keyrings, clock);
  const changes = new SlotUpdater(keyrings, clock);
  const deleting = new UserDeletionService(keyrings, store, jobs, clock);
  const identities = new IdentityUserService({
    reader,
    keyrings,
    locatorRegistry: locators,
    custodyMacs: custody,
    routingMacs: routing,
    clock,
  });
  const linking = new IdentityLinkingService({
    reader,
    locatorStore: store,
    locatorRegistry: locators,
    codeMacs: codes,
    routingMacs: routing,
    slotUpdater: changes,
    clock,
  });
  const accounts = new AccountService(changes, store, clock);
  const commands = new ChatCommandService({
    identityUsers: identities,
    locatorStore: store,
    reader,
    identityLinking: linking,
    accounts,
    userDeletion: deleting,
    clock,
  });
  const responder = process.env[functionEnv.responderFunction];
  const messageProcessor = new MessageProcessor({
    identityUsers: identities,
    reader,
    records: userRecords(),
    chatCommands: commands,
    responder: responder ? new LambdaResponder(createResponderLambdaClient(), responder) : undefined,
    channelCredentials: channelCredentials(),
    channelProviders,
    providerHttp: providerHttp(),
    clock,
  });
  const eraser = new DynamoUserItems(orgDynamoClients(), requireSetting('userRecordTable'));
  const deletedUserPurger = new DeletedUserPurger({
    keyrings,
    locatorStore: store,
    userItems: eraser,
    jobProducer: jobs,
    clock,
  });
  const jobConsumer = new JobConsumer({
    transitKeys: transitKeys(),
    messageProcessor,
    deletedUserPurger,
    audit: createAuditLog(),
    queue: jobQueue(),
    clock,
  });
  return { jobConsumer };
}
