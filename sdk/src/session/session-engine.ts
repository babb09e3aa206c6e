/** One round of synchronization, and the state of an opened device. */
import { AnimaError } from '../shared/errors.ts';
import { Turns } from '../shared/turns.ts';
import { ConversationBook } from './conversations/conversation-book.ts';
import { Judge } from './messages/judge.ts';
import { maintain } from './messages/maintenance.ts';
import { prefixes } from './messages/message-items.ts';
import { Outbox } from './messages/outbox.ts';
import { Receiver } from './messages/receiver.ts';
import { Sender } from './messages/sender.ts';
import { PrekeyKeeper } from './prekeys/prekey-keeper.ts';
import type { IncomingMessage } from './requests/session-requests.ts';
import type { SessionContext, Settings } from './session-context.ts';
import { SessionError, sessionError } from './session-errors.ts';
import type { SyncResult } from './session-types.ts';

/** After this time the directory and the conversations are read although nothing happened. */
const directoryAge = 60_000;
const conversationsAge = 600_000;

export class SessionEngine {
  readonly context: SessionContext;
  readonly book: ConversationBook;
  readonly sender: Sender;
  readonly prekeys: PrekeyKeeper;
  readonly #outbox: Outbox;
  readonly #receiver: Receiver;
  readonly #judge: Judge;
  /** Rounds with requests. Steps that store something are turns of the context, which end soon. */
  readonly #rounds = new Turns();
  /** Whether messages wait for a missing one, or for a newer directory. */
  #isWaiting = false;
  #directoryRead = Number.NEGATIVE_INFINITY;
  #conversationsRead = Number.NEGATIVE_INFINITY;

  constructor(context: SessionContext) {
    this.context = context;
    this.book = new ConversationBook(context);
    this.prekeys = new PrekeyKeeper(context);
    this.sender = new Sender(context, this.book);
    this.#outbox = new Outbox(context, this.book, this.prekeys);
    this.#receiver = new Receiver(context, this.book, this.prekeys);
    this.#judge = new Judge(context, this.book);
  }

  /** Reads directory, conversations and messages, and sends what is queued. @throws SessionError, AnimaError */
  sync(settings: Settings): Promise<SyncResult> {
    return this.#rounds.run(() => this.#translated(() => this.#sync(settings)));
  }

  /**
   * Takes messages that came through a socket, as the mailbox gives them.
   * @returns whether the mailbox must be read, because one of their sender is missing
   */
  deliver(messages: readonly IncomingMessage[], settings: Settings): Promise<boolean> {
    return this.#rounds.run(() =>
      this.#translated(async () => {
        await this.#settle(await this.#receiver.deliver(messages, settings), settings);
        return this.#isWaiting;
      }),
    );
  }

  /** Whether nothing waits for the next round: no message to send, none that is missing, no frozen sender. */
  async isIdle(): Promise<boolean> {
    return !this.#isWaiting && (await this.counts()).queued === 0;
  }

  /** Sends what is queued. */
  flush(settings: Settings): Promise<number> {
    return this.#rounds.run(() => this.#translated(() => this.#flush(settings)));
  }

  /** Makes this device reachable after its enrollment. A failure is left to the first round. @throws AnimaError aborted */
  async publishPrekeys(settings: Settings): Promise<void> {
    try {
      await this.exclusive(() => this.prekeys.publishFirst(settings));
    } catch (error) {
      if (!isTemporary(error)) throw error;
    }
  }

  /** Reads everything with the next round, as after a sleep. */
  forgetAges(): void {
    this.#directoryRead = Number.NEGATIVE_INFINITY;
    this.#conversationsRead = Number.NEGATIVE_INFINITY;
  }

  /** Runs requests that no round may overlap, for example an entry of the directory. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#rounds.run(() => this.#translated(work));
  }

  async follow(settings: Settings): Promise<void> {
    const { directory, requests, notify, clock } = this.context;
    const { hasMoved, isBehind } = await directory.follow((after, s) => requests.entries(after, s), settings);
    this.#directoryRead = clock.now();
    if (isBehind)
      notify({ kind: 'directory_behind', detail: `the service shows entries before ${directory.state.head.seq}` });
    if (!hasMoved) return;
    this.#conversationsRead = Number.NEGATIVE_INFINITY;
    // A sender may be active now, or have another certificate.
    await this.#receiver.retry();
  }

  async #sync(settings: Settings): Promise<SyncResult> {
    const { context } = this;
    await context.certificate.renew(context.directory, context.clock.now());
    // A frozen directory is asked for with each round, so that it heals soon.
    await this.#followIfOlder(this.#outbox.frozen.size > 0 ? 0 : directoryAge, settings);
    await this.prekeys.upkeep(settings);
    const received = await this.#settle(await this.#receiver.receive(settings), settings);
    const sent = await this.#flush(settings);
    await this.prekeys.upkeep(settings);
    await maintain(context, this.prekeys);
    return { received, sent, ...(await this.counts()) };
  }

  /** Decides about messages that were stored. @returns number of messages that were opened */
  async #settle(taken: number, settings: Settings): Promise<number> {
    let received = taken;
    // Also after a round that failed before this.
    if (this.#receiver.hasNews) {
      await this.#followIfOlder(0, settings);
      received += await this.#receiver.retryOpened();
    }
    await this.#refreshIfOlder(conversationsAge, settings);
    let result = await this.#judge.judge();
    if (result.needsConversations && received > 0) {
      await this.#refreshIfOlder(0, settings);
      result = await this.#judge.judge();
    }
    this.#outbox.frozen = result.frozen;
    this.#isWaiting = result.frozen.size > 0 || result.hasGaps;
    return received;
  }

  async #flush(settings: Settings): Promise<number> {
    const { store } = this.context;
    const isQueued = (await store.names(prefixes.todo)).length > 0;
    // Nothing is sealed for a device that was suspended meanwhile.
    if (isQueued) await this.#followIfOlder(0, settings);
    return await this.#outbox.flush(settings);
  }

  async counts(): Promise<{ readonly queued: number; readonly quarantined: number }> {
    const { store } = this.context;
    const queued = (await store.names(prefixes.todo)).length + (await store.names(prefixes.out)).length;
    return { queued, quarantined: (await store.names(prefixes.quarantine)).length };
  }

  async #followIfOlder(age: number, settings: Settings): Promise<void> {
    if (this.context.clock.now() - this.#directoryRead >= age) await this.follow(settings);
  }

  async #refreshIfOlder(age: number, settings: Settings): Promise<void> {
    if (this.context.clock.now() - this.#conversationsRead < age) return;
    await this.book.refresh(settings);
    this.#conversationsRead = this.context.clock.now();
  }

  async #translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof AnimaError && error.code === 'device_refused') throw sessionError('not_active');
      throw error;
    }
  }

  async close(): Promise<void> {
    // Waits for what is running.
    await this.#rounds.run(async () => undefined);
    await this.context.turn(async () => undefined);
    await this.context.store.close();
  }
}

/** Whether a round may be tried again. All other errors end a loop. */
export const isTemporary = (error: unknown): boolean =>
  (error instanceof AnimaError && error.retryable) ||
  (error instanceof SessionError && ['bad_directory', 'not_active'].includes(error.code));
