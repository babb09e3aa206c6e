/** The rules of a message between its webhook and its answer (docs/channels.md, "Handling"). */

import type { ErrorCode } from '../../contract/shared/error-codes.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { AuditOnlyVerb } from '../../contract/shared/verbs.ts';
import { timeOfTimeId } from '../../core/encoding/time-ordered-id.ts';
import type { Umk, UserRef } from '../../core/users/user-root-key.ts';
import type { Carrier, ChannelName, Channels, Line, ProviderSecrets } from '../channels/channel-ports.ts';
import { classifyError, undefinedIfUndecryptable } from '../shared/batch-item-result.ts';
import type { Clock } from '../shared/ports.ts';
import { cameBefore, type Identities, type IdentityKey, openIdentity } from '../users/identity-unlock.ts';
import { isFresh, readFresh } from '../users/read-freshness.ts';
import { type OpenUser, userKeyringOf } from '../users/unlocked-user.ts';
import type { RecordKey, StoredRecord, UserReader, UserRecordStore } from '../users/user-ports.ts';
import { openMessage, sealMessage } from '../users/user-record-encryption.ts';
import { type Command, commandOf } from './chat-command-parser.ts';
import type { Commands } from './chat-command-service.ts';
import type { Responder, ResponderRequest } from './conversation-ports.ts';
import type { MessageJob } from './message-job.ts';
import { beginning } from './webhook-receiver.ts';

/** One message to handle. */
export interface Turn {
  readonly org: string;
  /** Under which it is stored, and which tells when it came. */
  readonly id: string;
  readonly job: MessageJob;
  /** Told as soon as what a command asks for is done, so that its answer alone is missing. */
  acted(): void;
  /** Leaves an audit record, before an answer leaves. @throws VaultError `audit_unavailable` */
  record(user: string, verb: AuditOnlyVerb, result: 'ok' | ErrorCode): Promise<void>;
}

/** Why a message went no further than it did; undefined when all was done that was to be done. */
export type Ended = 'org_shut' | 'user_deleted' | 'outdated' | 'channel_unset' | 'provider_refused' | undefined;

export interface ConversationParts {
  readonly identities: Pick<Identities, 'key' | 'ensureUser'>;
  readonly reader: UserReader;
  readonly records: Pick<UserRecordStore, 'put' | 'list' | 'delete' | 'markSent'>;
  readonly commands: Pick<Commands, 'run'>;
  /** Undefined where messages are only kept. */
  readonly responder: Responder | undefined;
  readonly secrets: ProviderSecrets;
  readonly channels: Channels;
  readonly carrier: Carrier;
  readonly clock: Clock;
}

/** How often a user is looked for again that changed between two looks. */
const looks = 3;

/** A user and what was opened of its conversation at once with it. */
interface Opened {
  readonly user: OpenUser;
  /** When the keyring was asked for, by performance.now(). */
  readonly asked: number;
  readonly history: ResponderRequest['history'];
  /** The answer, when a try before this one stored it. */
  readonly answer: { readonly text: string; readonly sent: boolean } | undefined;
}

export class Conversations {
  readonly #parts: ConversationParts;

  constructor(parts: ConversationParts) {
    this.#parts = parts;
  }

  /** @throws VaultError or what was not foreseen: it is to be handled again then, which repeats nothing but, at worst, the sending */
  async handle(turn: Turn): Promise<Ended> {
    const { org, job } = turn;
    const key = await this.#parts.identities.key(org, job.identity, job.locator);
    try {
      const command = commandIn(job);
      if (command === undefined) return await this.#converse(turn, key);
      const done = await this.#parts.commands.run(command, key, job.shared, timeOf(turn));
      turn.acted();
      if (done === 'outdated') return done;
      if (done.user !== undefined) await turn.record(done.user, done.verb, 'ok');
      return await this.#send(turn, done.text);
    } catch (error) {
      if (error instanceof VaultError && shut.has(error.code)) return 'org_shut';
      throw error;
    } finally {
      key.secret.fill(0);
    }
  }

  async #converse(turn: Turn, key: IdentityKey): Promise<Ended> {
    const opened = await this.#open(turn, key);
    if (typeof opened === 'string') return opened;
    const { owner } = opened.user;
    try {
      return await this.#answer(turn, opened);
    } catch (error) {
      const code = classifyError(error)?.code ?? 'internal';
      if (code !== 'audit_unavailable') await turn.record(owner.user, 'messages.answer', code);
      throw error;
    }
  }

  /** Finds or makes the user, and opens it with the conversation before this message, unless that came before its sender began anew. */
  async #open(turn: Turn, key: IdentityKey): Promise<Opened | 'user_deleted' | 'outdated'> {
    const { identities, reader, records, clock } = this.#parts;
    const { messageKey, answerKey } = keysOf(turn);
    for (let look = 1; look <= looks; look++) {
      const found = await identities.ensureUser(key, timeOf(turn));
      if (found === undefined) return 'user_deleted';
      const { owner } = found;
      const past = turn.job.shared
        ? []
        : (await records.list(owner, 'messages', turn.id, limits.historyMessages, true)).items;
      const asked = performance.now();
      const read = await readFresh(() => reader.read(owner, [messageKey, answerKey]));
      // Nothing is waited for from here to the return: what is opened is opened now (fresh.ts).
      const user = openIdentity(key, owner, read, clock());
      if (user === undefined) continue;
      if (cameBefore(user, timeOf(turn))) return 'outdated';
      const answer = user.records.get(answerKey.id);
      return {
        user,
        asked,
        history: historyOf(user.umk, past),
        answer:
          answer === undefined ? undefined : { text: openMessage(user.umk, answer).text, sent: answer.sent === true },
      };
    }
    throw new VaultError('write_contention');
  }

  async #answer(turn: Turn, { user, asked, history, answer }: Opened): Promise<Ended> {
    const { org, id, job, record } = turn;
    const { records, responder } = this.#parts;
    const { owner, umk } = user;
    const { messageKey, answerKey } = keysOf(turn);
    const at = timeOf(turn).toISOString();
    const seal = (key: RecordKey, role: 'user' | 'agent', text: string, time: string): StoredRecord => ({
      ...key,
      version: 1,
      data: sealMessage(umk, key.id, 1, { role, text, channel: job.channel, at: time }),
    });
    if (!user.records.has(id)) await records.put(owner, seal(messageKey, 'user', job.text, at), undefined);
    if (answer?.sent === true) return await this.#end(turn, owner);
    let text = answer?.text;
    if (text === undefined) {
      // As before the sending: what was opened is told to nobody after the deletion was acknowledged.
      if (!isFresh(asked) && !(await this.#isThere(owner))) return await this.#forget(turn, owner);
      const { channel, shared } = job;
      const message = { id, text: job.text, at };
      const given = await responder?.answer({ org, user: owner.user, channel, message, shared, history });
      if (given === undefined) return await this.#end(turn, owner);
      text = beginning(given.toWellFormed());
      const now = this.#parts.clock().toISOString();
      const stored = await records.put(owner, { ...seal(answerKey, 'agent', text, now), sent: false }, undefined);
      // Another try of this job stored its answer meanwhile: that one is to be sent, by the next.
      if (!stored) throw new VaultError('write_contention');
    }
    await record(owner.user, 'messages.answer', 'ok');
    const ended = await this.#send(turn, text, owner);
    if (ended === undefined) await records.markSent(owner, answerKey);
    return ended;
  }

  /** The end of a message that gets no answer, or has got it. */
  async #end(turn: Turn, owner: UserRef): Promise<Ended> {
    await turn.record(owner.user, 'messages.answer', 'ok');
    return (await this.#isThere(owner)) ? undefined : await this.#forget(turn, owner);
  }

  /**
   * Sends an answer, once more if a try before did not learn what became of it.
   * @param owner of a conversation, whose answers end with it
   */
  async #send(turn: Turn, text: string, owner?: UserRef): Promise<Ended> {
    const line = await this.#line(turn);
    if (line === undefined) return 'channel_unset';
    // Last of all, so that nothing is sent of a conversation after its deletion was acknowledged.
    if (owner !== undefined && !(await this.#isThere(owner))) return await this.#forget(turn, owner);
    const result = await line.send(turn.job.replyTo, text);
    if (result === 'unknown') throw new VaultError('unavailable');
    return result === 'sent' ? undefined : 'provider_refused';
  }

  async #line({ org, job }: Turn): Promise<Line | undefined> {
    const { channels, secrets, carrier } = this.#parts;
    return channels[job.channel].line(await secrets.of(org, job.channel), carrier);
  }

  /** @throws VaultError `org_locked`, `org_shredded` */
  async #isThere(owner: UserRef): Promise<boolean> {
    return userKeyringOf(await readFresh(() => this.#parts.reader.read(owner, [])), owner) !== undefined;
  }

  /** Takes away what was stored of a turn after its user was deleted: nobody can open it, but it need not stay. */
  async #forget(turn: Turn, owner: UserRef): Promise<Ended> {
    const { messageKey, answerKey } = keysOf(turn);
    await this.#parts.records.delete(owner, messageKey);
    await this.#parts.records.delete(owner, answerKey);
    return 'user_deleted';
  }
}

/** Channels whose messages end in signatures and quotations. */
const mails: readonly ChannelName[] = ['mailgun', 'sendgrid'];

/** What a message asks of the vault itself; undefined for one of the conversation. */
export const commandIn = ({ text, channel }: Pick<MessageJob, 'text' | 'channel'>): Command | undefined =>
  commandOf(text, mails.includes(channel));

const shut: ReadonlySet<ErrorCode> = new Set(['org_locked', 'org_shredded', 'user_not_found']);
const timeOf = ({ id }: Turn): Date => new Date(timeOfTimeId(id));

const keysOf = ({ id }: Turn): { messageKey: RecordKey; answerKey: RecordKey } => ({
  messageKey: { collection: 'messages', id },
  answerKey: { collection: 'messages', id: `${id}-r` },
});

/** @param newestFirst as listed @returns oldest first; what is damaged is left out, since nothing could ever be answered else */
function historyOf(umk: Umk, newestFirst: readonly StoredRecord[]): ResponderRequest['history'] {
  const history: ResponderRequest['history'][number][] = [];
  let bytes = 0;
  for (const stored of newestFirst) {
    const message = undefinedIfUndecryptable(() => openMessage(umk, stored));
    if (message === undefined) continue;
    bytes += Buffer.byteLength(message.text);
    if (bytes > limits.historyBytes) break;
    history.push(message);
  }
  return history.reverse();
}
