/** The messages for the application, with polling in between. */
import type { CallOptions, CallSettings } from '../../shared/client-options.ts';
import { AnimaError } from '../../shared/errors.ts';
import { Bell, lookMs, nap } from '../live/nap.ts';
import { SocketKeeper } from '../live/socket-keeper.ts';
import type { IncomingMessage } from '../requests/session-requests.ts';
import type { SessionContext } from '../session-context.ts';
import { isTemporary, type SessionEngine } from '../session-engine.ts';
import { SessionError, sessionError } from '../session-errors.ts';
import type { ReceivedMessage } from '../session-types.ts';
import { Changes } from '../storage/session-store.ts';
import { type InboxItem, prefixes } from './message-items.ts';
import { receivedMessage, type ToSettings } from './received-message.ts';

/** Times of docs/session-service.md, section 8, and the longest time after failures. */
const pollMs = 15_000;
const pollWithSocketMs = 900_000;
const maxPollMs = 300_000;

/** What the end of a loop causes. */
const isEnding = (error: unknown): boolean =>
  (error instanceof AnimaError && error.code === 'aborted') ||
  (error instanceof SessionError && error.code === 'closed');

/** How one loop goes. */
interface Pace {
  readonly bell: Bell;
  readonly keeper: SocketKeeper | undefined;
  /** Failures in a row, and the time that they cost. */
  failures: number;
  backoff: number;
  /** Whether something was queued that need not wait for the next look. */
  mustFlush: boolean;
  /** When the mailbox was last read, or tried to be. */
  polledAt: number;
}

export class MessageStream {
  readonly #engine: SessionEngine;
  readonly #settings: ToSettings;
  /** Ends the loop that runs. */
  #stop: (() => void) | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(engine: SessionEngine, settings: ToSettings) {
    this.#engine = engine;
    this.#settings = settings;
  }

  /** The messages that were not confirmed, in order; then new ones, until `signal` fires or the device is closed. */
  async *read(options: CallOptions): AsyncGenerator<ReceivedMessage, void, undefined> {
    if (this.#stop !== undefined) throw sessionError('already_reading');
    const controller = new AbortController();
    const stop = () => controller.abort();
    this.#stop = stop;
    const settings = { ...this.#settings(options), signal: controller.signal };
    const { signal } = this.#settings(options);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted === true) stop();
    const isEnded = () => controller.signal.aborted;
    const pace = this.#begin(settings);
    this.#ended = pace.keeper?.run() ?? Promise.resolve();
    try {
      while (!isEnded()) {
        yield* this.#inbox(isEnded);
        if (!isEnded()) await this.#next(pace, settings);
      }
    } catch (error) {
      if (!isEnded() || !isEnding(error)) throw error;
    } finally {
      stop();
      signal?.removeEventListener('abort', stop);
      await this.#ended;
      this.#stop = undefined;
    }
  }

  /** Ends the loop that runs, and its socket. */
  async close(): Promise<void> {
    this.#stop?.();
    await this.#ended;
  }

  #begin(settings: CallSettings): Pace {
    const { clock, requests, webSocket, bells } = this.#engine.context;
    const bell = new Bell();
    const keeper =
      webSocket && new SocketKeeper({ clock, requests: requests.sockets, webSocket, bell, bells }, settings);
    return { bell, keeper, failures: 0, backoff: 0, mustFlush: false, polledAt: Number.NEGATIVE_INFINITY };
  }

  async *#inbox(isEnded: () => boolean): AsyncGenerator<ReceivedMessage, void, undefined> {
    const { store } = this.#engine.context;
    for (const name of await store.names(prefixes.inbox)) {
      const item = await store.item<InboxItem>(name);
      if (item === undefined) continue;
      const message = this.#message(name, item);
      yield message;
      // The application asked for the next one, so it is done with this one.
      await message.confirm();
      if (isEnded()) return;
    }
  }

  /** Reads the mailbox if it is time, takes what came through the socket, or waits. */
  async #next(pace: Pace, settings: CallSettings): Promise<void> {
    const { bell, keeper } = pace;
    const { clock } = this.#engine.context;
    const frames = keeper?.takeFrames() ?? [];
    // What came through the socket is in the mailbox too.
    if (keeper?.takeMustRead() === true || (await this.#isDue(pace))) return await this.#poll(pace, settings);
    if (frames.length > 0) return await this.#deliver(pace, frames, settings);
    if (pace.mustFlush) return await this.#flush(pace, settings);
    const isAwake = await nap(clock, bell, this.#timeLeft(pace), settings);
    if (!isAwake) return;
    this.#engine.forgetAges();
    pace.failures = 0;
    pace.polledAt = Number.NEGATIVE_INFINITY;
  }

  async #isDue({ keeper, failures, backoff, polledAt }: Pace): Promise<boolean> {
    const age = this.#engine.context.clock.now() - polledAt;
    if (failures > 0) return age >= backoff;
    if (age < pollMs) return false;
    return age >= pollWithSocketMs || keeper?.isReady !== true || !(await this.#engine.isIdle());
  }

  #timeLeft({ failures, backoff, polledAt }: Pace): number {
    const left = (failures > 0 ? backoff : pollMs) - (this.#engine.context.clock.now() - polledAt);
    return left > 0 ? Math.min(left, lookMs) : lookMs;
  }

  async #poll(pace: Pace, settings: CallSettings): Promise<void> {
    await this.#attempt(pace, () => this.#engine.sync(settings));
    pace.polledAt = this.#engine.context.clock.now();
  }

  async #deliver(pace: Pace, frames: readonly IncomingMessage[], settings: CallSettings): Promise<void> {
    const isIncomplete = await this.#attempt(pace, () => this.#engine.deliver(frames, settings));
    if (isIncomplete === true) await this.#poll(pace, settings);
    // Receipts go out before the next pause, but after the application has the messages.
    else pace.mustFlush = isIncomplete === false;
  }

  async #flush(pace: Pace, settings: CallSettings): Promise<void> {
    pace.mustFlush = false;
    await this.#attempt(pace, () => this.#engine.flush(settings));
  }

  /** Failures that can be temporary are reported, and slow the loop down. */
  async #attempt<T>(pace: Pace, work: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await work();
      pace.failures = 0;
      return result;
    } catch (error) {
      if (!isTemporary(error)) throw error;
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
      this.#engine.context.notify({ kind: 'sync_failed', detail: code });
      pace.failures++;
      pace.backoff = Math.min(maxPollMs, pollMs * 2 ** pace.failures) * (0.5 + Math.random() / 2);
      pace.polledAt = this.#engine.context.clock.now();
      return undefined;
    }
  }

  #message(name: string, item: InboxItem): ReceivedMessage {
    return receivedMessage(this.#engine.context, item, this.#settings, () => confirm(this.#engine.context, name));
  }
}

/** The application has the message. */
async function confirm({ store, turn, historyDays }: SessionContext, name: string): Promise<void> {
  await turn(async () => {
    const item = await store.item<InboxItem>(name);
    if (item === undefined) return;
    const changes = new Changes().delete(name);
    if (historyDays > 0) changes.put(prefixes.history + name.slice(prefixes.inbox.length), item);
    await store.write(changes);
  });
}
