/** Deletes bundle, prekeys and mailbox of devices that were revoked (docs/session-service.md, section 6). */
import type { DirectoryState } from '../../core/directory/directory-state.ts';
import type { RevokedDeviceStore } from './directory-ports.ts';

const deletedAtOnce = 100;
/** Time that one request spends on it, milliseconds. The next request that appends continues. */
const purgeMs = 6_000;

export class RevokedDevicePurger {
  readonly #store: RevokedDeviceStore;

  constructor(store: RevokedDeviceStore) {
    this.#store = store;
  }

  /** Deletes as much as a request has time for. Returns whether nothing is left. @throws VaultError `unavailable` */
  async purge({ org, head, devices, members }: DirectoryState): Promise<boolean> {
    const done = await this.#store.getDone(org);
    const revoked = [...devices.values(), ...members.values()].filter(
      ({ status, changed }) => status === 'revoked' && changed > done,
    );
    if (revoked.length === 0) return true;
    const until = performance.now() + purgeMs;
    for (const { id } of revoked) {
      while (!(await this.#store.deleteSome(org, id, deletedAtOnce))) if (performance.now() > until) return false;
    }
    await this.#store.setDone(org, head.seq);
    return true;
  }
}
