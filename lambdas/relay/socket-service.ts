/** The life of a connection: pending, ready, ended (docs/session-service.md, section 8). */
import type { ReadyFrame, RefusedFrame } from '../../contract/sessions/frames.ts';
import { sessionLimits } from '../../contract/sessions/limits.ts';
import type { SessionAuthenticator } from '../directory/session-authenticator.ts';
import type { CloseConnections } from '../shared/notifier-event.ts';
import type { Clock } from '../shared/ports.ts';
import type { ConnectionStore, DeviceConnection, SocketOwner } from './socket-ports.ts';
import type { TicketService } from './ticket-service.ts';

export interface SocketServiceDeps {
  readonly tickets: Pick<TicketService, 'take'>;
  readonly store: ConnectionStore;
  readonly authenticator: Pick<SessionAuthenticator, 'isActive'>;
  readonly closeConnections: CloseConnections;
  readonly clock: Clock;
}

/** What became of a hello. */
export interface Greeting {
  readonly owner: SocketOwner | undefined;
  readonly frame: ReadyFrame | RefusedFrame;
}

export class SocketService {
  readonly #deps: SocketServiceDeps;

  constructor(deps: SocketServiceDeps) {
    this.#deps = deps;
  }

  /**
   * Accepts a connection with a valid ticket of an active device. Undefined refuses it.
   * @param offered value of `Sec-WebSocket-Protocol`
   * @throws VaultError `unavailable`, `key_unavailable`; DecryptionError
   */
  async connect(connection: string, offered: string | undefined): Promise<SocketOwner | undefined> {
    const { tickets, store, authenticator, clock } = this.#deps;
    const ticket = await tickets.take(offered);
    if (ticket === undefined) return undefined;
    const { org, device, certificate } = ticket;
    const owner = { org, device };
    const since = clock().getTime();
    const ttl = Math.ceil(since / 1000) + sessionLimits.connectionSeconds;
    // The row first: a request that revokes the device meanwhile finds it, or its entry is read here.
    await store.putPending(owner, connection, since, ttl);
    if (await authenticator.isActive(org, device, certificate)) return owner;
    await store.deleteConnection(owner, connection);
    return undefined;
  }

  /** Makes a connection ready, if it is still known. @throws VaultError `unavailable` */
  async hello(connection: string): Promise<Greeting> {
    const { store } = this.#deps;
    const owner = await store.findOwner(connection);
    if (owner === undefined || !(await store.markReady(owner, connection))) {
      return { owner, frame: { type: 'refused' } };
    }
    await this.#endOldest(owner, connection);
    return { owner, frame: { type: 'ready' } };
  }

  /** @throws VaultError `unavailable` */
  async disconnect(connection: string): Promise<SocketOwner | undefined> {
    const { store } = this.#deps;
    const owner = await store.findOwner(connection);
    if (owner !== undefined) await store.deleteConnection(owner, connection);
    return owner;
  }

  /** Ends the oldest connections of a device that has too many. The new one stays. */
  async #endOldest(owner: SocketOwner, connection: string): Promise<void> {
    const { store, closeConnections } = this.#deps;
    const others = (await store.listConnections(owner)).filter((one) => one.ready && one.connection !== connection);
    const surplus = others.toSorted(byAge).slice(sessionLimits.sockets - 1);
    if (surplus.length === 0) return;
    const connections = surplus.map((one) => one.connection);
    for (const one of connections) await store.deleteConnection(owner, one);
    await closeConnections(connections);
  }
}

/** Newest first. */
const byAge = (a: DeviceConnection, b: DeviceConnection): number => b.since - a.since;
