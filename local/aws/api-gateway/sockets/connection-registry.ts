/** The established connections of this process, and their time limits. */
import { type Connection, gatewayEnds } from './connection.ts';
import { maxConnectionMs, maxIdleMs } from './socket-quotas.ts';

export class ConnectionRegistry {
  readonly #connections = new Map<string, Connection>();

  add(connection: Connection): void {
    this.#connections.set(connection.identity.connectionId, connection);
  }

  /** Undefined for a connection that is pending, that is being closed, or that no longer exists. */
  find(connectionId: string): Connection | undefined {
    const connection = this.#connections.get(connectionId);
    return connection?.isOpen === true ? connection : undefined;
  }

  remove(connectionId: string): void {
    this.#connections.delete(connectionId);
  }

  list(): readonly Connection[] {
    return [...this.#connections.values()];
  }

  /** Ends the connections that have reached a time limit. @param now milliseconds since 1970 */
  endOverdue(now: number): void {
    for (const connection of this.list()) {
      const isIdle = now - connection.lastActiveAt >= maxIdleMs;
      if (isIdle || now - connection.identity.connectedAt >= maxConnectionMs) connection.close(gatewayEnds.goingAway);
    }
  }
}
