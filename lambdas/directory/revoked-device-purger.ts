/**
 * Ends the sockets of devices that were suspended or revoked, and deletes bundle, prekeys and mailbox of those that were
 * revoked (docs/session-service.md, sections 6 and 8).
 */
import type { DirectoryState } from '../../core/directory/directory-state.ts';
import type { CloseConnections } from '../shared/notifier-event.ts';
import type { RevokedDeviceStore } from './directory-ports.ts';

const deletedAtOnce = 100;
/** Time that one request spends on it, milliseconds. The next request that appends continues. */
const purgeMs = 6_000;

export class RevokedDevicePurger {
  readonly #store: RevokedDeviceStore;
  readonly #closeConnections: CloseConnections;

  constructor(store: RevokedDeviceStore, closeConnections: CloseConnections) {
    this.#store = store;
    this.#closeConnections = closeConnections;
  }

  /** Deletes as much as a request has time for. Returns whether nothing is left. @throws VaultError `unavailable` */
  async purge({ org, head, devices, members }: DirectoryState): Promise<boolean> {
    const stored = await this.#store.getDone(org);
    // An entry that is not there yet was written into the row by somebody else.
    const done = stored <= head.seq ? stored : 0;
    const ended = [...devices.values(), ...members.values()].filter(
      ({ status, changed }) => status !== 'active' && changed > done,
    );
    if (ended.length === 0) return true;
    const until = performance.now() + purgeMs;
    const connections: string[] = [];
    // Without its row, a connection gets no frame.
    for (const { id } of ended) connections.push(...(await this.#store.takeConnections(org, id)));
    if (connections.length > 0) await this.#closeConnections(connections);
    for (const { id } of ended.filter(({ status }) => status === 'revoked')) {
      while (!(await this.#store.deleteSome(org, id, deletedAtOnce))) if (performance.now() > until) return false;
    }
    await this.#store.setDone(org, head.seq);
    return true;
  }
}
