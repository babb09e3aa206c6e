/**
 * Keeps one socket open while messages are read (docs/session-service.md, section 8): opens it with a ticket, pings it, opens
 * the next one before the service ends it, and reconnects. It never fails: without a socket, the mailbox is polled.
 */
import { socketSubprotocol, ticketSubprotocolPrefix } from '../../../../contract/sessions/frames.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import type { IncomingMessage, SocketRequests } from '../requests/session-requests.ts';
import type { SessionClock } from '../session-clock.ts';
import type { LiveFrame } from './frames.ts';
import { LiveSocket, type SocketConstructor } from './live-socket.ts';
import { Bell, lookMs, nap } from './nap.ts';

const second = 1_000;
const minute = 60_000;
/** From the page that is named above. */
const pingMs = 4 * minute;
const renewMs = 110 * minute;
const maxWakeDelayMs = 5 * second;
/** Without the answer to a ping, a socket is dead. */
const silenceMs = pingMs + minute;
/** From the ticket to `ready`. */
const handshakeMs = 30 * second;
const firstBackoffMs = second;
const maxBackoffMs = 5 * minute;
/** A socket that lasted this long was no failure. */
const steadyMs = minute;
/** Frames that wait for the application. After more, the mailbox is read instead. */
const maxFrames = 64;

export interface KeeperParts {
  readonly clock: SessionClock;
  readonly requests: SocketRequests;
  readonly webSocket: SocketConstructor;
  /** Rings when there is something to do for the reader. */
  readonly bell: Bell;
  /** Other parts that look when the service asks for it. */
  readonly bells: ReadonlySet<Bell>;
}

export class SocketKeeper {
  readonly #parts: KeeperParts;
  readonly #settings: CallSettings;
  readonly #wakeUp = new Bell();
  #current: LiveSocket | undefined;
  #next: LiveSocket | undefined;
  #isAsking = false;
  #attemptAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #frames: IncomingMessage[] = [];
  #mustRead = false;

  /** @param settings whose signal ends everything */
  constructor(parts: KeeperParts, settings: CallSettings) {
    this.#parts = parts;
    // The pauses between attempts are those of this class.
    this.#settings = { ...settings, maxRetries: 0 };
  }

  /** Whether a frame comes for each message. */
  get isReady(): boolean {
    return this.#current?.isReady === true;
  }

  /** Messages that came since the last call. */
  takeFrames(): readonly IncomingMessage[] {
    const frames = this.#frames;
    this.#frames = [];
    return frames;
  }

  /** Whether the mailbox is to be read now. */
  takeMustRead(): boolean {
    const mustRead = this.#mustRead;
    this.#mustRead = false;
    return mustRead;
  }

  /** Runs until the signal fires. Never rejects. */
  async run(): Promise<void> {
    const { clock } = this.#parts;
    const isEnded = () => this.#settings.signal?.aborted === true;
    try {
      while (!isEnded()) {
        this.#step(clock.now());
        const ms = Math.min(lookMs, Math.max(0, this.#attemptAt - clock.now()));
        const isAwake = await nap(clock, this.#wakeUp, this.#isBusy ? lookMs : ms, this.#settings);
        if (isAwake) this.#reconnectSoon(clock.now());
      }
    } catch {
      // The signal fired.
    } finally {
      this.#current?.close();
      this.#next?.close();
    }
  }

  /** Whether a new socket is on its way. */
  get #isBusy(): boolean {
    return this.#isAsking || this.#next !== undefined;
  }

  #step(now: number): void {
    if (this.#current !== undefined && now - this.#current.heardAt > silenceMs) this.#current.close();
    if (this.#next !== undefined && now - this.#next.openedAt > handshakeMs) this.#next.close();
    if (this.#current !== undefined && now - this.#current.pingedAt >= pingMs) this.#current.ping();
    if (!this.#isBusy && now >= this.#attemptAt) void this.#open();
  }

  /** After a sleep or a change of the network, the old socket can be dead. It is closed when the new one is ready. */
  #reconnectSoon(now: number): void {
    this.#failures = 0;
    if (!this.#isBusy) this.#attemptAt = Math.min(this.#attemptAt, now + Math.random() * maxWakeDelayMs);
  }

  async #open(): Promise<void> {
    const { requests, webSocket, clock } = this.#parts;
    this.#isAsking = true;
    try {
      const { ticket, url } = await requests.ticket(this.#settings);
      if (this.#settings.signal?.aborted === true) return;
      const socket = new webSocket(url, [socketSubprotocol, ticketSubprotocolPrefix + ticket]);
      const next = new LiveSocket(
        socket,
        () => clock.now(),
        () => this.#changed(next),
        (frame) => this.#take(frame),
      );
      this.#next = next;
    } catch {
      this.#failed();
    } finally {
      this.#isAsking = false;
      this.#wakeUp.ring();
    }
  }

  /** A socket became ready, or closed. */
  #changed(socket: LiveSocket): void {
    if (socket.isReady && socket === this.#next) {
      const last = this.#current;
      this.#current = socket;
      this.#next = undefined;
      this.#attemptAt = socket.openedAt + renewMs;
      last?.close();
    } else if (socket.isClosed && (socket === this.#next || socket === this.#current)) {
      if (socket === this.#next) this.#next = undefined;
      else this.#current = undefined;
      if (this.#parts.clock.now() - socket.openedAt >= steadyMs) this.#failures = 0;
      if (this.#settings.signal?.aborted !== true) this.#failed();
    }
    this.#wakeUp.ring();
  }

  #failed(): void {
    const longest = Math.min(maxBackoffMs, firstBackoffMs * 2 ** this.#failures);
    this.#failures++;
    this.#attemptAt = this.#parts.clock.now() + longest * (0.5 + Math.random() / 2);
  }

  #take(frame: LiveFrame): void {
    if (frame.type === 'pong') return;
    if (frame.type !== 'message') for (const bell of this.#parts.bells) bell.ring();
    if (frame.type !== 'message' || this.#frames.length >= maxFrames) this.#mustRead = true;
    else if (this.#frames.every(({ name }) => name !== frame.message.name)) this.#frames.push(frame.message);
    this.#parts.bell.ring();
  }
}
