/** WebSockets to the fake relay, by docs/session-service.md section 8. */
import { toBase64 } from '../../../core/encoding/bytes.ts';
import type { SocketConstructor, SocketLike } from '../../../sdk/src/session/live/live-socket.ts';
import type { IncomingMessage } from '../../../sdk/src/session/requests/session-requests.ts';
import type { FakeRelay } from './fake-relay.ts';

type Listener = (event: { readonly data?: unknown }) => void;

export class FakeSocket implements SocketLike {
  readonly device: string;
  readonly sent: string[] = [];
  isReady = false;
  isClosed = false;
  /** Whether it hears nothing and says nothing, as behind a network that forgot it. */
  isDead = false;
  readonly #listeners = new Map<string, Listener[]>();

  readonly protocols: readonly string[];
  readonly openedAt: number;

  constructor(protocols: readonly string[], openedAt: number) {
    this.protocols = protocols;
    this.openedAt = openedAt;
    this.device = protocols[1]?.split('-')[1] ?? '';
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  emit(type: string, data?: unknown): void {
    for (const listener of this.#listeners.get(type) ?? []) listener({ data });
  }

  send(data: string): void {
    this.sent.push(data);
    if (this.isDead) return;
    const { type }: { type: string } = JSON.parse(data);
    if (type === 'hello') {
      this.isReady = true;
      this.frame({ type: 'ready' });
    }
    if (type === 'ping') this.frame({ type: 'pong' });
  }

  frame(frame: object): void {
    if (!this.isClosed && !this.isDead) this.emit('message', JSON.stringify(frame));
  }

  close(): void {
    this.isClosed = true;
    this.isReady = false;
  }

  /** The other side ends the connection. */
  drop(): void {
    this.close();
    this.emit('close');
  }
}

export class FakeSockets {
  readonly all: FakeSocket[] = [];
  /** Whether the upgrade is refused. */
  isDown = false;
  /** Replaces the frame of a message, or leaves it out. */
  onFrame: (message: IncomingMessage) => object | undefined = messageFrame;
  readonly constructorOf: SocketConstructor;

  constructor(relay: FakeRelay, now: () => number) {
    let tickets = 0;
    relay.onTicket = (device) => ({ ticket: `x-${device}-${tickets++}`, url: 'wss://relay.test' });
    relay.onStored = (device, message) => {
      for (const socket of this.of(device)) {
        const frame = socket.isReady ? this.onFrame(message) : undefined;
        if (frame !== undefined) socket.frame(frame);
      }
    };
    const sockets = this;
    this.constructorOf = class extends FakeSocket {
      constructor(_: string, protocols: string[]) {
        super(protocols, now());
        sockets.all.push(this);
        queueMicrotask(() => (sockets.isDown ? this.drop() : this.emit('open')));
      }
    };
  }

  /** The connections of a device that are open. */
  of(device: string): readonly FakeSocket[] {
    return this.all.filter((socket) => socket.device === device && !socket.isClosed);
  }
}

export const messageFrame = ({ name, message, certificate }: IncomingMessage): object => ({
  ...{ type: 'message', name, message: toBase64(message), storedAt: '2026-11-30T00:00:00.000Z' },
  ...(certificate && { certificate: toBase64(certificate) }),
});
