/** Composes the function `worker`. */
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { createResponderLambdaClient } from '../aws/lambda-clients.ts';
import { channelProviders } from '../channels/providers/provider-registry.ts';
import { AnswerLimits } from '../conversations/answer-limits.ts';
import { ChatCommandService } from '../conversations/chat-command-service.ts';
import { ConversationService } from '../conversations/conversation-service.ts';
import { MediaKeeper } from '../conversations/media-keeper.ts';
import { MessageProcessor } from '../conversations/message-processor.ts';
import { ReplySender } from '../conversations/reply-sender.ts';
import { LambdaResponder } from '../conversations/stores/lambda-responder-client.ts';
import { AccountService } from '../users/account-service.ts';
import { DeletedUserPurger } from '../users/deleted-user-purger.ts';
import { IdentityLinkingService } from '../users/identity-linking-service.ts';
import { IdentityUserService } from '../users/identity-user-service.ts';
import { LocatorRegistry } from '../users/locator-registry.ts';
import { SlotUpdater } from '../users/slot-updater.ts';
import { DynamoUserItems } from '../users/stores/dynamo-user-records.ts';
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
  userMedia,
  userMediaUrls,
  userReader,
  userRecords,
} from './user-stores.ts';

/**
 * The only function with access to all KMS keys of users and to decryption with the transit key. It uses them only
 * while it processes a message that needs them.
 */
export function createWorkerServices() {
  const reader = userReader(recordTables());
  const [keyrings, store, custody, codes, routing, jobs] = [
    userKeyrings(),
    locatorStore(),
    custodyMacs(),
    codeMacs(),
    routingMacs(),
    jobSender(),
  ];
  const locatorRegistry = new LocatorRegistry(store, keyrings, clock);
  const slotUpdater = new SlotUpdater(keyrings, clock);
  const userDeletion = new UserDeletionService(keyrings, store, jobs, clock);
  const identityUsers = new IdentityUserService({
    reader,
    keyrings,
    locatorRegistry,
    custodyMacs: custody,
    routingMacs: routing,
    clock,
  });
  const identityLinking = new IdentityLinkingService({
    reader,
    locatorStore: store,
    locatorRegistry,
    codeMacs: codes,
    routingMacs: routing,
    slotUpdater,
    clock,
  });
  const accounts = new AccountService(slotUpdater, store, clock);
  const chatCommands = new ChatCommandService({
    identityUsers,
    locatorStore: store,
    reader,
    identityLinking,
    accounts,
    userDeletion,
    clock,
  });
  const responder = process.env[functionEnv.responderFunction];
  const replySender = new ReplySender({
    reader,
    channelCredentials: channelCredentials(),
    channelProviders,
    providerHttp: providerHttp(),
  });
  const answerLimits = new AnswerLimits(store);
  const media = userMedia();
  const conversations = new ConversationService({
    identityUsers,
    reader,
    records: userRecords(),
    mediaKeeper: new MediaKeeper(media),
    mediaUrls: userMediaUrls(),
    answerLimits,
    responder: responder ? new LambdaResponder(createResponderLambdaClient(), responder) : undefined,
    replySender,
    clock,
  });
  const messageProcessor = new MessageProcessor({
    identityUsers,
    chatCommands,
    conversations,
    answerLimits,
    replySender,
    clock,
  });
  // The wrapped keys of device vaults first, because they open the entries of their logs.
  const tableItems = (['deviceRosterTable', 'userRecordTable', 'deviceLogTable'] as const).map(
    (table) => new DynamoUserItems(orgDynamoClients(), requireSetting(table)),
  );
  const deletedUserPurger = new DeletedUserPurger({
    keyrings,
    locatorStore: store,
    userItems: [...tableItems, media],
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
