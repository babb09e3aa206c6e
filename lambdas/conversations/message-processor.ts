/** Processes queued messages (docs/channels.md, "Handling"). */
import type { ErrorCode } from '../../contract/shared/error-codes.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { ChannelName, NoticeKind } from '../channels/channel-ports.ts';
import { classifyError } from '../shared/error-classification.ts';
import type { Clock } from '../shared/ports.ts';
import type { IdentityUserService, VerifiedIdentity } from '../users/identity-user-service.ts';
import type { AnswerLimits } from './answer-limits.ts';
import { type ChatCommand, parseChatCommand } from './chat-command-parser.ts';
import type { ChatCommandService, RecordStart } from './chat-command-service.ts';
import type { ConversationService } from './conversation-service.ts';
import type { MessageJobPayload } from './message-job.ts';
import type { DropReason, MessageTask } from './message-task.ts';
import { noticeTexts } from './notice-texts.ts';
import type { ReplySender } from './reply-sender.ts';

export interface MessageProcessorDeps {
  readonly identityUsers: Pick<IdentityUserService, 'deriveKey'>;
  readonly chatCommands: Pick<ChatCommandService, 'execute'>;
  readonly conversations: Pick<ConversationService, 'unlock' | 'storeAndAnswer'>;
  readonly answerLimits: Pick<AnswerLimits, 'count'>;
  readonly replySender: Pick<ReplySender, 'send'>;
  readonly clock: Clock;
}

export class MessageProcessor {
  readonly #deps: MessageProcessorDeps;

  constructor(deps: MessageProcessorDeps) {
    this.#deps = deps;
  }

  /**
   * Processes a message, command or hint.
   * @throws VaultError or an unexpected error. The job must then be retried. A retry repeats at most the sending
   */
  async process(task: MessageTask): Promise<DropReason> {
    const { org, job } = task;
    // The sender of a message that was not accepted has no key here.
    if (job.notice !== undefined) return await this.#sendNotice(task, job.notice);
    const key = await this.#deps.identityUsers.deriveKey(org, job.identity, job.locator);
    try {
      const command = parseCommandOfJob(job);
      return command === undefined
        ? await this.#processConversationMessage(task, key)
        : await this.#processCommand(task, key, command);
    } catch (error) {
      if (error instanceof VaultError && orgUnavailableCodes.has(error.code)) return 'org_shut';
      throw error;
    } finally {
      key.slotSecret.fill(0);
    }
  }

  async #processCommand(task: MessageTask, key: VerifiedIdentity, command: ChatCommand): Promise<DropReason> {
    const { chatCommands, answerLimits, clock } = this.#deps;
    const { org, job, receivedAt } = task;
    // A deletion with its code is never refused, so it is not counted.
    if (command.kind !== 'delete' && (await answerLimits.count(org, job.locator, clock())) !== 'allowed')
      return 'answers_limited';
    const recordStart: RecordStart = (user, verb) => task.recordAudit(user, verb, 'started');
    const result = await chatCommands.execute(command, key, job.shared, receivedAt, recordStart);
    task.onCommandExecuted();
    if (result === 'outdated') return result;
    if (result.user !== undefined) await task.recordAudit(result.user, result.verb, 'ok');
    return toDropReason(await this.#deps.replySender.send(task, result.text));
  }

  async #sendNotice(task: MessageTask, kind: NoticeKind): Promise<DropReason> {
    return toDropReason(await this.#deps.replySender.send(task, noticeTexts[kind]));
  }

  async #processConversationMessage(task: MessageTask, key: VerifiedIdentity): Promise<DropReason> {
    const { conversations } = this.#deps;
    const opened = await conversations.unlock(task, key);
    if (typeof opened === 'string') return opened;
    const { owner } = opened.user;
    try {
      return await conversations.storeAndAnswer(task, opened);
    } catch (error) {
      const code = classifyError(error)?.code ?? 'internal';
      if (code !== 'audit_unavailable') await task.recordAudit(owner.user, 'messages.answer', code);
      throw error;
    }
  }
}

const toDropReason = (result: Awaited<ReturnType<ReplySender['send']>>): DropReason =>
  result === 'sent' ? undefined : result;

/** Channels whose messages can end with signatures and quotations. */
const emailChannels: readonly ChannelName[] = ['mailgun', 'sendgrid'];

/** Parses a command to the vault. Returns undefined for a conversation message. */
export const parseCommandOfJob = ({
  text,
  channel,
}: Pick<MessageJobPayload, 'text' | 'channel'>): ChatCommand | undefined =>
  parseChatCommand(text, emailChannels.includes(channel));

const orgUnavailableCodes: ReadonlySet<ErrorCode> = new Set(['org_locked', 'org_shredded', 'user_not_found']);
