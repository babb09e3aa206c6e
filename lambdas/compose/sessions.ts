/** Composes the functions `directory`, `relay` and `approvals`. None has a key of any data. */
import { ActivityService } from '../approvals/activity-service.ts';
import { AnswerService } from '../approvals/answer-service.ts';
import { PersonKeyService } from '../approvals/person-key-service.ts';
import { DynamoApprovals } from '../approvals/stores/dynamo-approvals.ts';
import { TripwireWaker } from '../approvals/tripwire-waker.ts';
import { DynamoActivity } from '../audit/stores/dynamo-activity.ts';
import { createLambdaEventClient } from '../aws/clients.ts';
import { BundleService } from '../directory/bundle-service.ts';
import { CheckpointService } from '../directory/checkpoint-service.ts';
import { ConversationService } from '../directory/conversation-service.ts';
import { DirectoryLogService } from '../directory/directory-log-service.ts';
import { DirectoryReader } from '../directory/directory-reader.ts';
import { InviteService } from '../directory/invite-service.ts';
import type { SessionAuth } from '../directory/middleware/session-routes.ts';
import { Relations } from '../directory/relations.ts';
import { RevokedDevicePurger } from '../directory/revoked-device-purger.ts';
import { SessionAuthenticator } from '../directory/session-authenticator.ts';
import { SnapshotWriter } from '../directory/snapshot-writer.ts';
import { DynamoConversations } from '../directory/stores/dynamo-conversations.ts';
import { DynamoDirectory } from '../directory/stores/dynamo-directory.ts';
import { DynamoInvites } from '../directory/stores/dynamo-invites.ts';
import { DynamoPrekeys } from '../directory/stores/dynamo-prekeys.ts';
import { DynamoRevokedDevices } from '../directory/stores/dynamo-revoked-devices.ts';
import { DynamoSnapshots } from '../directory/stores/dynamo-snapshots.ts';
import { logLostNotice } from '../middleware/lost-notice.ts';
import type { WriteRequestLog } from '../middleware/request-log.ts';
import { unavailableKek } from '../org-keys/keyring-opener.ts';
import { AttachmentService } from '../relay/attachment-service.ts';
import { MailboxQuota } from '../relay/mailbox-quota.ts';
import { MailboxService } from '../relay/mailbox-service.ts';
import { MessageAnnouncer } from '../relay/message-announcer.ts';
import { PushService } from '../relay/push-service.ts';
import { SendService } from '../relay/send-service.ts';
import { SocketService } from '../relay/socket-service.ts';
import { DynamoMailboxes } from '../relay/stores/dynamo-mailboxes.ts';
import { DynamoPush } from '../relay/stores/dynamo-push.ts';
import { DynamoSockets } from '../relay/stores/dynamo-sockets.ts';
import { S3Attachments } from '../relay/stores/s3-attachments.ts';
import { TicketService } from '../relay/ticket-service.ts';
import type { CloseConnections, InvokeNotifier } from '../shared/notifier-event.ts';
import { lambdaNotifier } from '../shared/stores/lambda-notifier.ts';
import {
  authenticationKeys,
  clock,
  configuredHosts,
  createApiKeyAuth,
  createKeyringOpener,
  keyringVerifier,
  orgDynamoClients,
  orgS3ObjectClients,
  requestRecordTables,
  requireSetting,
  unscopedDynamoClient,
} from './common.ts';

/** What all functions need: the state of a directory, and which device signed a request. */
function createSessionParts() {
  const tables = { keyrings: requireSetting('keyringTable'), directory: requireSetting('directoryTable') };
  const store = new DynamoDirectory(orgDynamoClients(), tables);
  const snapshots = new DynamoSnapshots(orgDynamoClients(), tables.directory);
  const reader = new DirectoryReader(store, snapshots, authenticationKeys());
  const conversationStore = new DynamoConversations(orgDynamoClients(), tables.directory);
  const sessionAuth: SessionAuth = {
    authenticator: new SessionAuthenticator(reader, keyringVerifier(), clock),
    hosts: configuredHosts(),
  };
  const relations = new Relations(conversationStore, clock);
  return { tables, store, snapshots, reader, conversationStore, sessionAuth, relations };
}

/** @param log gets a line if the notifier could not be told */
export function createDirectoryServices(log: WriteRequestLog) {
  const { tables, store, snapshots, reader, conversationStore, sessionAuth, relations } = createSessionParts();
  const inviteStore = new DynamoInvites(orgDynamoClients(), tables);
  const revoked = new DynamoRevokedDevices(orgDynamoClients(), {
    directory: tables.directory,
    mailboxes: requireSetting('mailboxTable'),
  });
  return {
    apiKeyAuth: createApiKeyAuth(requestRecordTables(), createKeyringOpener(unavailableKek)),
    sessionAuth,
    reader,
    log: new DirectoryLogService({
      store,
      reader,
      snapshotWriter: new SnapshotWriter(snapshots, authenticationKeys()),
      purger: new RevokedDevicePurger(revoked, closeConnections(log)),
      invites: inviteStore,
    }),
    checkpoints: new CheckpointService(store, snapshots),
    invites: new InviteService(inviteStore, clock),
    bundles: new BundleService(new DynamoPrekeys(orgDynamoClients(), tables.directory), relations, clock),
    conversations: new ConversationService(conversationStore, clock),
  };
}

/** @param log gets a line if the notifier could not be told */
export function createRelayServices(log: WriteRequestLog) {
  const { sessionAuth, relations } = createSessionParts();
  const table = requireSetting('mailboxTable');
  const store = new DynamoMailboxes(orgDynamoClients(), table);
  const connections = new DynamoSockets(orgDynamoClients(), unscopedDynamoClient(), table);
  const pushes = new DynamoPush(orgDynamoClients(), table);
  const tickets = new TicketService(connections, requireSetting('socketUrl'), clock);
  const announcer = new MessageAnnouncer({
    connections,
    pushes,
    invokeNotifier: invokeNotifier(),
    onFailure: (org, error) => logLostNotice(log, org, error),
  });
  return {
    sessionAuth,
    sender: new SendService({ store, quota: new MailboxQuota(store, clock), relations, announcer, clock }),
    mailboxes: new MailboxService(store, clock),
    attachments: new AttachmentService(
      new S3Attachments(orgS3ObjectClients(), requireSetting('blobBucket')),
      pushes,
      clock,
    ),
    tickets,
    pushes: new PushService(pushes, clock),
    sockets: new SocketService({
      tickets,
      store: connections,
      authenticator: sessionAuth.authenticator,
      closeConnections: closeConnections(log),
      clock,
    }),
  };
}

/** Devices that answer questions of the broker, and are woken when tripwires were hit. */
export function createAnswerServices() {
  const { store, reader, sessionAuth } = createSessionParts();
  const approvals = new DynamoApprovals(orgDynamoClients(), requireSetting('approvalTable'));
  return {
    sessionAuth,
    answers: new AnswerService(approvals, store, clock),
    personKeys: new PersonKeyService(approvals, store, clock),
    activity: new ActivityService(new DynamoActivity(orgDynamoClients(), requireSetting('auditTable')), clock),
    tripwireWaker: new TripwireWaker({ directory: reader, invokeNotifier: invokeNotifier(), clock }),
  };
}

const invokeNotifier = (): InvokeNotifier =>
  lambdaNotifier(createLambdaEventClient(), requireSetting('notifierFunction'));

function closeConnections(log: WriteRequestLog): CloseConnections {
  const invoke = invokeNotifier();
  return async (connections) => {
    try {
      await invoke({ kind: 'close', connections });
    } catch (error) {
      logLostNotice(log, undefined, error);
    }
  };
}
