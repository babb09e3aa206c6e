/** One established connection: it receives whole text messages, and sends messages in frames. */
import { isUtf8 } from 'node:buffer';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { systemErrorCode } from '../../shared/errors.ts';
import { FrameMeter } from './frame-meter.ts';
import type { ConnectionIdentity } from './socket-event.ts';
import { maxBufferedBytes, maxFrameBytes, maxOpenMessages } from './socket-quotas.ts';

/** The end of a connection: a close code of RFC 6455, section 7.4, and a reason. */
export interface ConnectionEnd {
  readonly code: number;
  readonly reason: string;
}

/**
 * Ends by the gateway. AWS documents the codes 1003 and 1009; for time limits it sends 1001, and 1000 after
 * `DeleteConnection`.
 */
export const gatewayEnds = {
  deleted: { code: 1000, reason: 'Connection Closed Normally' },
  goingAway: { code: 1001, reason: 'Going away' },
  binary: { code: 1003, reason: 'Binary frames are not supported' },
  tooLarge: { code: 1009, reason: 'Frame or message too large' },
} as const satisfies Record<string, ConnectionEnd>;

/** Reasons for ends without a reason of the client. 1005 and 1006 are never sent: they stand for a missing code. */
const defaultReasons: Readonly<Record<number, string>> = {
  1000: 'Connection Closed Normally',
  1001: 'Going away',
  1005: 'Client-side close frame status not set',
  1006: 'Connection Closed Abnormally',
};

export interface ConnectionHandlers {
  /** Handles a message. The connection is not read while too many messages are handled. */
  message(text: string): Promise<void>;
  /** Called once. */
  ended(end: ConnectionEnd): void;
}

export class Connection {
  readonly identity: ConnectionIdentity;
  readonly #now: () => number;
  readonly #socket: WebSocket;
  readonly #meter: FrameMeter;
  readonly #handlers: ConnectionHandlers;
  #lastActiveAt: number;
  #received = 0;
  #openMessages = 0;
  #end: ConnectionEnd | undefined;

  /** @param meter has received every byte of the socket, see {@link meterFrames} */
  constructor(
    identity: ConnectionIdentity,
    socket: WebSocket,
    meter: FrameMeter,
    now: () => number,
    handlers: ConnectionHandlers,
  ) {
    this.identity = identity;
    this.#socket = socket;
    this.#meter = meter;
    this.#now = now;
    this.#handlers = handlers;
    this.#lastActiveAt = now();
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    // The library closes the connection with the code of the error.
    socket.on('error', (error) => {
      if (systemErrorCode(error) === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') this.#end ??= gatewayEnds.tooLarge;
    });
    socket.on('close', (code, reason) => {
      handlers.ended(this.#end ?? { code, reason: reason.toString() || (defaultReasons[code] ?? '') });
    });
  }

  /** Milliseconds since 1970. */
  get lastActiveAt(): number {
    return this.#lastActiveAt;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** Whether messages for the client are refused, because it does not read them. */
  get isCongested(): boolean {
    return this.#socket.bufferedAmount > maxBufferedBytes;
  }

  /** Sends a message, in frames of the maximum size. */
  send(message: Buffer): void {
    this.#lastActiveAt = this.#now();
    const binary = !isUtf8(message);
    let at = 0;
    do {
      const frame = message.subarray(at, at + maxFrameBytes);
      at += frame.length;
      this.#socket.send(frame, { binary, fin: at >= message.length });
    } while (at < message.length);
  }

  /** Begins to close the connection. `ended` is called when it is closed. */
  close(end: ConnectionEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#socket.resume();
    this.#socket.close(end.code, end.reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #receive(data: WebSocket.RawData, isBinary: boolean): void {
    const number = this.#received++;
    // Messages before one with an oversized frame are handled, although the connection is already being closed.
    if (this.#meter.oversized === undefined ? this.#end !== undefined : number >= this.#meter.oversized) return;
    if (isBinary) {
      this.close(gatewayEnds.binary);
      return;
    }
    this.#lastActiveAt = this.#now();
    this.#openMessages += 1;
    if (this.#openMessages >= maxOpenMessages) this.#socket.pause();
    void this.#handlers.message(String(data)).finally(() => {
      this.#openMessages -= 1;
      if (this.#socket.isPaused && this.#openMessages < maxOpenMessages) this.#socket.resume();
    });
  }
}

/**
 * Measures the frames that arrive at a socket. To be called before the WebSocket library reads the socket, so that a
 * frame is known to be too large before its message is emitted. `found` is called for the first one.
 */
export function meterFrames(socket: Duplex, found: () => void): FrameMeter {
  const meter = new FrameMeter(maxFrameBytes);
  const measure = (chunk: Buffer): void => {
    meter.push(chunk);
    if (meter.oversized === undefined) return;
    socket.off('data', measure);
    found();
  };
  socket.on('data', measure);
  return meter;
}
