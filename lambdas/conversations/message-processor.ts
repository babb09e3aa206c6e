/** Processes queued messages (docs/channels.md, "Handling"). */

import type { AuditRecord } from '../../contract/audit/wire.ts';
import type { ErrorCode } from '../../contract/shared/error-codes.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { AuditOnlyVerb } from '../../contract/shared/verbs.ts';
import { timeOfTimeId } from '../../core/encoding/time-ordered-id.ts';
import type { Umk, UserRef } from '../../core/users/user-root-key.ts';
import type {
  ChannelCredentialsReader,
  ChannelName,
  ChannelProviders,
  ProviderAccount,
  ProviderHttp,
} from '../channels/channel-ports.ts';
import { classifyError, undefinedIfUndecryptable } from '../shared/error-classification.ts';
import type { Clock } from '../shared/ports.ts';
import {
  type IdentityUserService,
  predatesSlot,
  unlockByIdentity,
  type VerifiedIdentity,
} from '../users/identity-user-service.ts';
import { isWithinMaxReadAge, readWithinMaxAge } from '../users/read-freshness.ts';
import { activeUserKeyring, type UnlockedUser } from '../users/unlocked-user.ts';
import type { RecordKey, StoredRecord, UserReader, UserRecordStore } from '../users/user-ports.ts';
import { decryptMessage, encryptMessage } from '../users/user-record-encryption.ts';
import { type ChatCommand, parseChatCommand } from './chat-command-parser.ts';
import type { ChatCommandService, RecordStart } from './chat-command-service.ts';
import type { Responder, ResponderRequest } from './conversation-ports.ts';
import type { MessageJobPayload } from './message-job.ts';
import { truncateMessage } from './webhook-receiver.ts';

export interface MessageTask {
  readonly org: string;
  /** ID of the stored message. It contains the time of receipt. */
  readonly id: string;
  readonly job: MessageJobPayload;
  /** Called after a command was executed, before its reply is sent. */
  onCommandExecuted(): void;
  /**
   * Writes an audit record. Called before a reply is sent, and before an effect that cannot be undone.
   * @throws VaultError `audit_unavailable`
   */
  recordAudit(user: string, verb: AuditOnlyVerb, result: AuditRecord['result']): Promise<void>;
}

/** Why processing of a message stopped. Undefined if it was completed. */
export type DropReason = 'org_shut' | 'user_deleted' | 'outdated' | 'channel_unset' | 'provider_refused' | undefined;

export interface MessageProcessorDeps {
  readonly identityUsers: Pick<IdentityUserService, 'deriveKey' | 'findOrCreateUser'>;
  readonly reader: UserReader;
  readonly records: Pick<UserRecordStore, 'put' | 'list' | 'delete' | 'markSent'>;
  readonly chatCommands: Pick<ChatCommandService, 'execute'>;
  /** Undefined if messages are only stored and not answered. */
  readonly responder: Responder | undefined;
  readonly channelCredentials: ChannelCredentialsReader;
  readonly channelProviders: ChannelProviders;
  readonly providerHttp: ProviderHttp;
  readonly clock: Clock;
}

/** Maximum attempts to find and unlock a user that changes concurrently. */
const maxUnlockAttempts = 3;

/** A user and the part of the conversation that was decrypted together with it. */
interface DecryptedConversation {
  readonly user: UnlockedUser;
  /** When the keyring was requested, as a performance.now() value. */
  readonly readStartedAt: number;
  readonly history: ResponderRequest['history'];
  /** The answer, if an earlier attempt stored it. */
  readonly answer: { readonly text: string; readonly sent: boolean } | undefined;
}

export class MessageProcessor {
  readonly #deps: MessageProcessorDeps;

  constructor(deps: MessageProcessorDeps) {
    this.#deps = deps;
  }

  /**
   * Processes a message or command.
   * @throws VaultError or an unexpected error. The job must then be retried. A retry repeats at most the sending
   */
  async process(task: MessageTask): Promise<DropReason> {
    const { org, job } = task;
    const key = await this.#deps.identityUsers.deriveKey(org, job.identity, job.locator);
    try {
      const command = parseCommandOfJob(job);
      if (command === undefined) return await this.#processConversationMessage(task, key);
      const recordStart: RecordStart = (user, verb) => task.recordAudit(user, verb, 'started');
      const result = await this.#deps.chatCommands.execute(command, key, job.shared, receivedAtOf(task), recordStart);
      task.onCommandExecuted();
      if (result === 'outdated') return result;
      if (result.user !== undefined) await task.recordAudit(result.user, result.verb, 'ok');
      return await this.#sendReply(task, result.text);
    } catch (error) {
      if (error instanceof VaultError && orgUnavailableCodes.has(error.code)) return 'org_shut';
      throw error;
    } finally {
      key.slotSecret.fill(0);
    }
  }

  async #processConversationMessage(task: MessageTask, key: VerifiedIdentity): Promise<DropReason> {
    const opened = await this.#unlockConversation(task, key);
    if (typeof opened === 'string') return opened;
    const { owner } = opened.user;
    try {
      return await this.#storeAndReply(task, opened);
    } catch (error) {
      const code = classifyError(error)?.code ?? 'internal';
      if (code !== 'audit_unavailable') await task.recordAudit(owner.user, 'messages.answer', code);
      throw error;
    }
  }

  /**
   * Finds or creates the user, then decrypts the user and the earlier messages. Returns `outdated` if the message is
   * older than the sender's key slot.
   */
  async #unlockConversation(
    task: MessageTask,
    key: VerifiedIdentity,
  ): Promise<DecryptedConversation | 'user_deleted' | 'outdated'> {
    const { identityUsers, reader, records, clock } = this.#deps;
    const { messageKey, answerKey } = recordKeysOf(task);
    for (let attempt = 1; attempt <= maxUnlockAttempts; attempt++) {
      const found = await identityUsers.findOrCreateUser(key, receivedAtOf(task));
      if (found === undefined) return 'user_deleted';
      const { owner } = found;
      const earlierRecords = task.job.shared
        ? []
        : (await records.list(owner, 'messages', task.id, limits.historyMessages, true)).items;
      const readStartedAt = performance.now();
      const read = await readWithinMaxAge(() => reader.read(owner, [messageKey, answerKey]));
      // There is no await from here to the return, so everything is decrypted within the maximum read age
      // (read-freshness.ts).
      const user = unlockByIdentity(key, owner, read, clock());
      if (user === undefined) continue;
      if (predatesSlot(user, receivedAtOf(task))) return 'outdated';
      const answer = user.records.get(answerKey.id);
      return {
        user,
        readStartedAt,
        history: decryptHistory(user.umk, earlierRecords),
        answer:
          answer === undefined
            ? undefined
            : { text: decryptMessage(user.umk, answer).text, sent: answer.sent === true },
      };
    }
    throw new VaultError('write_contention');
  }

  async #storeAndReply(
    task: MessageTask,
    { user, readStartedAt, history, answer }: DecryptedConversation,
  ): Promise<DropReason> {
    const { org, id, job, recordAudit } = task;
    const { records, responder } = this.#deps;
    const { owner, umk } = user;
    const { messageKey, answerKey } = recordKeysOf(task);
    const at = receivedAtOf(task).toISOString();
    const encryptRecord = (key: RecordKey, role: 'user' | 'agent', text: string, time: string): StoredRecord => ({
      ...key,
      version: 1,
      data: encryptMessage(umk, key.id, 1, { role, text, channel: job.channel, at: time }),
    });
    if (!user.records.has(id)) await records.put(owner, encryptRecord(messageKey, 'user', job.text, at), undefined);
    if (answer?.sent === true) return await this.#finishWithoutReply(task, owner);
    let text = answer?.text;
    if (text === undefined) {
      // The same check runs before sending. After a deletion was acknowledged, no decrypted data may be disclosed.
      if (!isWithinMaxReadAge(readStartedAt) && !(await this.#isUserActive(owner)))
        return await this.#deleteStoredMessages(task, owner);
      const { channel, shared } = job;
      const message = { id, text: job.text, at };
      const responderText = await responder?.answer({ org, user: owner.user, channel, message, shared, history });
      if (responderText === undefined) return await this.#finishWithoutReply(task, owner);
      text = truncateMessage(responderText.toWellFormed());
      const now = this.#deps.clock().toISOString();
      const stored = await records.put(
        owner,
        { ...encryptRecord(answerKey, 'agent', text, now), sent: false },
        undefined,
      );
      // Another attempt of this job stored its answer in the meantime. The next retry sends that answer.
      if (!stored) throw new VaultError('write_contention');
    }
    await recordAudit(owner.user, 'messages.answer', 'ok');
    const dropReason = await this.#sendReply(task, text, owner);
    if (dropReason === undefined) await records.markSent(owner, answerKey);
    return dropReason;
  }

  /** Completes a message that has no answer or whose answer was already sent. */
  async #finishWithoutReply(task: MessageTask, owner: UserRef): Promise<DropReason> {
    await task.recordAudit(owner.user, 'messages.answer', 'ok');
    return (await this.#isUserActive(owner)) ? undefined : await this.#deleteStoredMessages(task, owner);
  }

  /**
   * Sends a reply. Sends it again if the result of an earlier attempt is unknown.
   * @param owner the user of the conversation. Nothing is sent if the user was deleted. Undefined for replies to
   * commands
   */
  async #sendReply(task: MessageTask, text: string, owner?: UserRef): Promise<DropReason> {
    const providerAccount = await this.#providerAccountFor(task);
    if (providerAccount === undefined) return 'channel_unset';
    // This check comes last, so that nothing from a conversation is sent after its deletion was acknowledged.
    if (owner !== undefined && !(await this.#isUserActive(owner))) return await this.#deleteStoredMessages(task, owner);
    const result = await providerAccount.sendReply(task.job.replyTo, text);
    if (result === 'unknown') throw new VaultError('unavailable');
    return result === 'sent' ? undefined : 'provider_refused';
  }

  async #providerAccountFor({ org, job }: MessageTask): Promise<ProviderAccount | undefined> {
    const { channelProviders, channelCredentials, providerHttp } = this.#deps;
    return channelProviders[job.channel].accountFor(
      await channelCredentials.getCredentials(org, job.channel),
      providerHttp,
    );
  }

  /** @throws VaultError `org_locked`, `org_shredded` */
  async #isUserActive(owner: UserRef): Promise<boolean> {
    return activeUserKeyring(await readWithinMaxAge(() => this.#deps.reader.read(owner, [])), owner) !== undefined;
  }

  /** Deletes a message and its answer that were stored after the user was deleted. Nobody could decrypt them. */
  async #deleteStoredMessages(task: MessageTask, owner: UserRef): Promise<DropReason> {
    const { messageKey, answerKey } = recordKeysOf(task);
    await this.#deps.records.delete(owner, messageKey);
    await this.#deps.records.delete(owner, answerKey);
    return 'user_deleted';
  }
}

/** Channels whose messages can end with signatures and quotations. */
const emailChannels: readonly ChannelName[] = ['mailgun', 'sendgrid'];

/** Parses a command to the vault. Returns undefined for a conversation message. */
export const parseCommandOfJob = ({
  text,
  channel,
}: Pick<MessageJobPayload, 'text' | 'channel'>): ChatCommand | undefined =>
  parseChatCommand(text, emailChannels.includes(channel));

const orgUnavailableCodes: ReadonlySet<ErrorCode> = new Set(['org_locked', 'org_shredded', 'user_not_found']);
const receivedAtOf = ({ id }: MessageTask): Date => new Date(timeOfTimeId(id));

const recordKeysOf = ({ id }: MessageTask): { messageKey: RecordKey; answerKey: RecordKey } => ({
  messageKey: { collection: 'messages', id },
  answerKey: { collection: 'messages', id: `${id}-r` },
});

/**
 * Decrypts earlier messages up to limits.historyBytes. Damaged messages are left out, because otherwise no later
 * message could be answered.
 * @returns the messages, oldest first
 */
function decryptHistory(umk: Umk, newestFirst: readonly StoredRecord[]): ResponderRequest['history'] {
  const history: ResponderRequest['history'][number][] = [];
  let bytes = 0;
  for (const stored of newestFirst) {
    const message = undefinedIfUndecryptable(() => decryptMessage(umk, stored));
    if (message === undefined) continue;
    bytes += Buffer.byteLength(message.text);
    if (bytes > limits.historyBytes) break;
    history.push(message);
  }
  return history.reverse();
}
