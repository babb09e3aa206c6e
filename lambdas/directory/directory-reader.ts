/**
 * The current state of a directory. A process keeps the state that it verified, and reads only the entries that follow:
 * a warm request reads one item to know that there are none. Without a kept state, it starts from the snapshot.
 */
import { sessionLimits } from '../../contract/sessions/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import type { AuthenticationKeys } from '../records/authentication-keys.ts';
import type { DirectoryStore, SnapshotStore, StoredSnapshot } from './directory-ports.ts';
import { applyToView, type DirectoryView } from './directory-view.ts';
import { openSnapshot, partCount, verifySnapshot } from './snapshot-codec.ts';

/** Directories that a process keeps, and devices of all of them: 10,000 take some 17 MiB. The last one is always kept. */
const maxKept = 16;
const maxKeptDevices = 100_000;
/** Bytes of entries that are read at once. */
const pageBytes = 1_000_000;
/** A newer snapshot can replace the parts while they are read. */
const maxAttempts = 4;

export interface CurrentDirectory {
  /** Not verified. */
  readonly orgKeyring: unknown;
  /** Undefined if the org has no directory. */
  readonly view: DirectoryView | undefined;
}

export class DirectoryReader {
  readonly #store: DirectoryStore;
  readonly #snapshots: Pick<SnapshotStore, 'get' | 'getPart'>;
  readonly #keys: AuthenticationKeys;
  readonly #kept = new Map<string, DirectoryView>();

  constructor(store: DirectoryStore, snapshots: Pick<SnapshotStore, 'get' | 'getPart'>, keys: AuthenticationKeys) {
    this.#store = store;
    this.#snapshots = snapshots;
    this.#keys = keys;
  }

  /**
   * Reads the keyring of the org and the state after the newest stored entry, strongly consistent.
   * @throws DecryptionError if the service did not store the snapshot; VaultError `unavailable`, `key_unavailable`
   */
  async read(org: string): Promise<CurrentDirectory> {
    const kept = this.#kept.get(org);
    const { orgKeyring, snapshot, hasNext } = await this.#store.read(org, kept?.state.head.seq ?? 0);
    if (kept !== undefined && !hasNext) return { orgKeyring, view: kept };
    const start = kept ?? (snapshot && (await this.#open(org, snapshot)));
    return { orgKeyring, view: start && (await this.catchUp(start)) };
  }

  /** The view after all entries that are stored. */
  async catchUp(start: DirectoryView): Promise<DirectoryView> {
    const { org } = start.state;
    let view = start;
    for (;;) {
      const { seq } = view.state.head;
      const page = await this.#store.listEntries(org, seq, sessionLimits.directoryPage, pageBytes);
      for (const { signed } of page.entries) {
        const { outcome, next } = applyToView(view, signed);
        // Somebody changed the table. The rest cannot follow, and clients stop there too.
        if (outcome.result === 'stop') return this.keep(view);
        view = next;
      }
      if (!page.more) return this.keep(view);
    }
  }

  /** Keeps a verified view, unless a newer one is kept. Returns it. */
  keep(view: DirectoryView): DirectoryView {
    const { org, head } = view.state;
    const kept = this.#kept.get(org);
    if (kept !== undefined && kept.state.head.seq > head.seq) return view;
    this.#kept.delete(org);
    this.#kept.set(org, view);
    let devices = [...this.#kept.values()].reduce((sum, { state }) => sum + state.devices.size, 0);
    for (const [oldest, { state }] of this.#kept) {
      if (oldest === org || (this.#kept.size <= maxKept && devices <= maxKeptDevices)) break;
      devices -= state.devices.size;
      this.#kept.delete(oldest);
    }
    return view;
  }

  async #open(org: string, first: StoredSnapshot): Promise<DirectoryView | undefined> {
    let snapshot = first;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      verifySnapshot(await this.#keys.get(org), snapshot);
      const parts = await this.#readParts(org, snapshot);
      if (parts !== undefined) {
        return { state: openSnapshot(org, snapshot, parts), snapshotSeq: snapshot.seq, checkpoints: [] };
      }
      const newer = await this.#snapshots.get(org);
      // Nothing replaced it, so somebody deleted a part.
      if (newer === undefined || newer.seq <= snapshot.seq) throw new DecryptionError();
      snapshot = newer;
    }
    throw new VaultError('unavailable', { detail: 'The directory changed while it was read. Nothing was changed.' });
  }

  async #readParts(org: string, snapshot: StoredSnapshot): Promise<readonly Uint8Array[] | undefined> {
    const parts: Uint8Array[] = [];
    for (let part = 1; part <= partCount(snapshot); part++) {
      const found = await this.#snapshots.getPart(org, 'state', snapshot.seq, part);
      if (found === undefined) return undefined;
      parts.push(found);
    }
    return parts;
  }
}
