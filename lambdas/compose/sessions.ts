/** Composes the functions `directory` and `relay`. Neither has a key of any data. */
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
import { unavailableKek } from '../org-keys/keyring-opener.ts';
import { MailboxQuota } from '../relay/mailbox-quota.ts';
import { MailboxService } from '../relay/mailbox-service.ts';
import { SendService } from '../relay/send-service.ts';
import { DynamoMailboxes } from '../relay/stores/dynamo-mailboxes.ts';
import {
  authenticationKeys,
  clock,
  configuredHosts,
  createApiKeyAuth,
  createKeyringOpener,
  keyringVerifier,
  orgDynamoClients,
  requestRecordTables,
  requireSetting,
} from './common.ts';

/** What both functions need: the state of a directory, and which device signed a request. */
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

export function createDirectoryServices() {
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
      purger: new RevokedDevicePurger(revoked),
      invites: inviteStore,
    }),
    checkpoints: new CheckpointService(store, snapshots),
    invites: new InviteService(inviteStore, clock),
    bundles: new BundleService(new DynamoPrekeys(orgDynamoClients(), tables.directory), relations, clock),
    conversations: new ConversationService(conversationStore, clock),
  };
}

export function createRelayServices() {
  const { sessionAuth, relations } = createSessionParts();
  const mailboxes = new DynamoMailboxes(orgDynamoClients(), requireSetting('mailboxTable'));
  return {
    sessionAuth,
    sender: new SendService(mailboxes, new MailboxQuota(mailboxes, clock), relations, clock),
    mailboxes: new MailboxService(mailboxes, clock),
  };
}
