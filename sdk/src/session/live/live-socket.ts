/** One WebSocket to the relay. */
import type { ClientFrame } from '../../../../contract/sessions/frames.ts';
import { type LiveFrame, readFrame } from './frames.ts';

/** The part of a WebSocket that is used: that of browsers, workers, Node since version 22, and `ws`. */
export interface SocketLike {
  send(data: string): void;
  close(): void;
  addEventListener(
    type: 'open' | 'message' | 'close' | 'error',
    listener: (event: { readonly data?: unknown }) => void,
  ): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike;

/** Undefined in Node before version 22. */
export function platformWebSocket(): SocketConstructor | undefined {
  const found: unknown = Reflect.get(globalThis, 'WebSocket');
  return isSocketConstructor(found) ? found : undefined;
}

const isSocketConstructor = (value: unknown): value is SocketConstructor => typeof value === 'function';

export class LiveSocket {
  /** Times of this client: when it was made, when something was last heard, and when it last sent a ping. */
  readonly openedAt: number;
  heardAt: number;
  pingedAt: number;
  /** Whether the service sends a frame for each message. */
  isReady = false;
  isClosed = false;
  readonly #socket: SocketLike;
  readonly #now: () => number;
  readonly #onEvent: () => void;
  readonly #onFrame: (frame: LiveFrame) => void;

  /** @param onEvent called when the socket became ready, or closed */
  constructor(socket: SocketLike, now: () => number, onEvent: () => void, onFrame: (frame: LiveFrame) => void) {
    this.#socket = socket;
    this.#now = now;
    this.#onEvent = onEvent;
    this.#onFrame = onFrame;
    this.openedAt = now();
    this.heardAt = this.openedAt;
    this.pingedAt = this.openedAt;
    socket.addEventListener('open', () => this.#send({ type: 'hello' }));
    socket.addEventListener('message', ({ data }) => this.#hear(data));
    socket.addEventListener('close', () => this.close());
    socket.addEventListener('error', () => this.close());
  }

  ping(): void {
    this.pingedAt = this.#now();
    this.#send({ type: 'ping' });
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.isReady = false;
    try {
      this.#socket.close();
    } catch {
      // It is closed already, or never opened.
    }
    this.#onEvent();
  }

  #hear(data: unknown): void {
    if (this.isClosed) return;
    this.heardAt = this.#now();
    const frame = readFrame(data);
    if (frame?.type === 'refused') this.close();
    if (frame === undefined || frame.type === 'refused') return;
    if (frame.type === 'ready' && !this.isReady) {
      this.isReady = true;
      this.#onEvent();
    }
    this.#onFrame(frame);
  }

  #send(frame: ClientFrame): void {
    if (this.isClosed) return;
    try {
      this.#socket.send(JSON.stringify(frame));
    } catch {
      this.close();
    }
  }
}
