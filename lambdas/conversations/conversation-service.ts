/** Stores the messages of conversations and answers them (docs/channels.md, "Handling"). */

import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { Clock } from '../shared/ports.ts';
import {
  type IdentityUserService,
  predatesSlot,
  unlockByIdentity,
  type VerifiedIdentity,
} from '../users/identity-user-service.ts';
import { isWithinMaxReadAge, readWithinMaxAge } from '../users/read-freshness.ts';
import type { UnlockedUser } from '../users/unlocked-user.ts';
import type { RecordKey, StoredRecord, UserReader, UserRecordStore } from '../users/user-ports.ts';
import { decryptMessage, encryptMessage, type MessageContent } from '../users/user-record-encryption.ts';
import type { AnswerLimits } from './answer-limits.ts';
import { answerIdOf, decryptHistory, selectHistory, toResponderHistory, withUrls } from './conversation-history.ts';
import type { MediaUrls, Responder } from './conversation-ports.ts';
import type { MediaKeeper } from './media-keeper.ts';
import type { DropReason, MessageTask } from './message-task.ts';
import { describeMedia, truncateMessage } from './message-text.ts';
import { tooManyMessagesText, unansweredText } from './notice-texts.ts';
import type { ReplySender } from './reply-sender.ts';

export interface ConversationServiceDeps {
  readonly identityUsers: Pick<IdentityUserService, 'findOrCreateUser'>;
  readonly reader: UserReader;
  readonly records: Pick<UserRecordStore, 'put' | 'list' | 'delete' | 'markSent'>;
  readonly mediaKeeper: Pick<MediaKeeper, 'keep' | 'discard'>;
  readonly mediaUrls: MediaUrls;
  readonly answerLimits: Pick<AnswerLimits, 'count'>;
  /** Undefined if messages are only stored and not answered. */
  readonly responder: Responder | undefined;
  readonly replySender: ReplySender;
  readonly clock: Clock;
}

/** Maximum attempts to find and unlock a user that changes concurrently. */
const maxUnlockAttempts = 3;

/** A user and the part of the conversation that was decrypted together with it. */
export interface DecryptedConversation {
  readonly user: UnlockedUser;
  /** When the keyring was requested, as a performance.now() value. */
  readonly readStartedAt: number;
  readonly history: readonly MessageContent[];
  /** The message, if an earlier attempt stored it. */
  readonly message: MessageContent | undefined;
  /** The answer, if an earlier attempt stored it. */
  readonly answer: { readonly text: string; readonly sent: boolean } | undefined;
}

export class ConversationService {
  readonly #deps: ConversationServiceDeps;

  constructor(deps: ConversationServiceDeps) {
    this.#deps = deps;
  }

  /**
   * Finds or creates the user, then decrypts the user and the earlier messages. Returns `outdated` if the message is
   * older than the sender's key slot.
   */
  async unlock(task: MessageTask, key: VerifiedIdentity): Promise<DecryptedConversation | 'user_deleted' | 'outdated'> {
    const { identityUsers, reader, records, clock } = this.#deps;
    const { messageKey, answerKey } = recordKeysOf(task);
    for (let attempt = 1; attempt <= maxUnlockAttempts; attempt++) {
      const found = await identityUsers.findOrCreateUser(key, task.receivedAt);
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
      if (predatesSlot(user, task.receivedAt)) return 'outdated';
      const message = user.records.get(messageKey.id);
      const answer = user.records.get(answerKey.id);
      return {
        user,
        readStartedAt,
        history: decryptHistory(user.umk, selectHistory(earlierRecords, task.attempt)),
        message: message === undefined ? undefined : decryptMessage(user.umk, message),
        answer:
          answer === undefined
            ? undefined
            : { text: decryptMessage(user.umk, answer).text, sent: answer.sent === true },
      };
    }
    throw new VaultError('write_contention');
  }

  /** Stores a message, and sends its answer if there is one. */
  async storeAndAnswer(task: MessageTask, conversation: DecryptedConversation): Promise<DropReason> {
    const { user, answer } = conversation;
    const { owner } = user;
    const { records, replySender } = this.#deps;
    const message = conversation.message ?? (await this.#storeMessage(task, user));
    if (answer?.sent === true) return await this.#finishWithoutReply(task, owner, message);
    if (task.job.carrierKeyword !== undefined)
      return (await this.#finishWithoutReply(task, owner, message)) ?? 'carrier_keyword';
    const text = answer?.text ?? (await this.#storeAnswer(task, conversation, message));
    if (typeof text !== 'string') return text.ended;
    await task.recordAudit(owner.user, 'messages.answer', 'ok');
    const result = await replySender.send(task, text, owner);
    if (result === 'user_deleted') return await this.#deleteStoredMessages(task, owner, message);
    if (result === 'sent') await records.markSent(owner, recordKeysOf(task).answerKey);
    return result === 'sent' ? undefined : result;
  }

  /** Keeps the files of a message, then stores the message. */
  async #storeMessage(task: MessageTask, { owner, umk }: UnlockedUser): Promise<MessageContent> {
    const { mediaKeeper, records, replySender } = this.#deps;
    const { text, subject, original, media = [], channel } = task.job;
    const { kept, newIds, refused } = await mediaKeeper.keep(owner, media, () => replySender.accountFor(task));
    const content: MessageContent = {
      role: 'user',
      text: describeMedia(text, kept, refused),
      ...(subject === undefined ? {} : { subject }),
      ...(original === undefined ? {} : { original }),
      ...(kept.length === 0 ? {} : { media: kept }),
      channel,
      at: task.receivedAt.toISOString(),
    };
    const { messageKey } = recordKeysOf(task);
    const record: StoredRecord = { ...messageKey, version: 1, data: encryptMessage(umk, messageKey.id, 1, content) };
    if (await records.put(owner, record, undefined)) return content;
    // Another attempt of this job stored the message in the meantime.
    await mediaKeeper.discard(owner, newIds);
    throw new VaultError('write_contention');
  }

  /** Invokes the responder and stores its answer. Returns the text, or why there is none. */
  async #storeAnswer(
    task: MessageTask,
    { user, readStartedAt, history }: DecryptedConversation,
    message: MessageContent,
  ): Promise<string | { readonly ended: DropReason }> {
    const { records, responder, replySender, answerLimits, clock } = this.#deps;
    const { owner, umk } = user;
    const { answerKey } = recordKeysOf(task);
    if (responder !== undefined) {
      const limit = await answerLimits.count(task.org, task.job.locator, clock());
      if (limit !== 'allowed') return { ended: await this.#finishAboveLimit(task, owner, message, limit) };
    }
    // The same check runs before sending. After a deletion was acknowledged, no decrypted data may be disclosed.
    if (!isWithinMaxReadAge(readStartedAt) && !(await replySender.isUserActive(owner)))
      return { ended: await this.#deleteStoredMessages(task, owner, message) };
    const responderText = await this.#respond(task, user, history, message);
    if (responderText === undefined) return { ended: await this.#finishWithoutReply(task, owner, message) };
    const text = truncateMessage(responderText.toWellFormed());
    const content = { role: 'agent', text, channel: task.job.channel, at: clock().toISOString() } as const;
    const data = encryptMessage(umk, answerKey.id, 1, content);
    // If it was not stored, another attempt of this job stored its answer in the meantime. The next retry sends that
    // answer.
    if (!(await records.put(owner, { ...answerKey, version: 1, data, sent: false }, undefined)))
      throw new VaultError('write_contention');
    return text;
  }

  /** Invokes the responder. If the last attempt fails, the sender is told before the error is thrown. */
  async #respond(
    task: MessageTask,
    { owner }: UnlockedUser,
    history: readonly MessageContent[],
    { text, subject, media, at }: MessageContent,
  ): Promise<string | undefined> {
    const { responder, mediaUrls, replySender } = this.#deps;
    const { org, id, job } = task;
    try {
      return await responder?.answer({
        org,
        user: owner.user,
        channel: job.channel,
        message: {
          id,
          text,
          at,
          ...(subject === undefined ? {} : { subject }),
          ...(media === undefined ? {} : { media: await withUrls(mediaUrls, owner, media) }),
        },
        shared: job.shared,
        history: await toResponderHistory(mediaUrls, owner, history),
      });
    } catch (error) {
      if (task.isLastAttempt) await replySender.send(task, unansweredText, owner);
      throw error;
    }
  }

  async #finishAboveLimit(
    task: MessageTask,
    owner: UserRef,
    message: MessageContent,
    limit: 'exceeded-first' | 'exceeded',
  ): Promise<DropReason> {
    const ended = await this.#finishWithoutReply(task, owner, message);
    if (ended === undefined && limit === 'exceeded-first')
      await this.#deps.replySender.send(task, tooManyMessagesText, owner);
    return ended ?? 'answers_limited';
  }

  /** Completes a message that has no answer or whose answer was already sent. */
  async #finishWithoutReply(task: MessageTask, owner: UserRef, message: MessageContent): Promise<DropReason> {
    await task.recordAudit(owner.user, 'messages.answer', 'ok');
    return (await this.#deps.replySender.isUserActive(owner))
      ? undefined
      : await this.#deleteStoredMessages(task, owner, message);
  }

  /** Deletes a message, its files and its answer that were stored after the user was deleted. */
  async #deleteStoredMessages(task: MessageTask, owner: UserRef, { media = [] }: MessageContent): Promise<DropReason> {
    const { messageKey, answerKey } = recordKeysOf(task);
    await this.#deps.records.delete(owner, messageKey);
    await this.#deps.records.delete(owner, answerKey);
    await this.#deps.mediaKeeper.discard(
      owner,
      media.map(({ id }) => id),
    );
    return 'user_deleted';
  }
}

const recordKeysOf = ({ id }: MessageTask): { messageKey: RecordKey; answerKey: RecordKey } => ({
  messageKey: { collection: 'messages', id },
  answerKey: { collection: 'messages', id: answerIdOf(id) },
});
