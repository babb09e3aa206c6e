/** Stores snapshots of the state, and the leaves of checkpoints. Every step can be repeated. */
import { encodeFieldBytes } from '../../core/encoding/bytes.ts';
import type { AuthenticationKeys } from '../records/authentication-keys.ts';
import type { SnapshotStore } from './directory-ports.ts';
import type { DirectoryView, PendingCheckpoint } from './directory-view.ts';
import { partCount, sealSnapshot, splitLeaves } from './snapshot-codec.ts';

/** A process without a kept state verifies at most this many entries, and those that were stored meanwhile. */
const maxEntriesAfter = 32;

export class SnapshotWriter {
  readonly #store: SnapshotStore;
  readonly #keys: AuthenticationKeys;

  constructor(store: SnapshotStore, keys: AuthenticationKeys) {
    this.#store = store;
    this.#keys = keys;
  }

  /** Stores what is due after an entry. Returns the view with it. @throws VaultError `unavailable` */
  async store(view: DirectoryView): Promise<DirectoryView> {
    const { state, snapshotSeq, checkpoints } = view;
    const isDue = snapshotSeq === 0 || checkpoints.length > 0 || state.head.seq - snapshotSeq >= maxEntriesAfter;
    if (!isDue) return view;
    const { org, head } = state;
    for (const checkpoint of checkpoints) await this.#storeCheckpoint(org, checkpoint);
    const parts = splitLeaves(state);
    const before = await this.#store.get(org);
    for (const [index, leaves] of parts.entries()) await this.#store.putPart(org, 'state', head.seq, index + 1, leaves);
    const snapshot = sealSnapshot(await this.#keys.get(org), state, parts);
    if (await this.#store.put(org, snapshot)) {
      if (before !== undefined && before.seq < head.seq) {
        await this.#store.deleteParts(org, before.seq, partCount(before));
      }
    } else if (((await this.#store.get(org))?.seq ?? 0) > head.seq) {
      await this.#store.deleteParts(org, head.seq, parts.length);
    }
    return { state, snapshotSeq: head.seq, checkpoints: [] };
  }

  /** The leaves first: a checkpoint that is found is complete. */
  async #storeCheckpoint(org: string, { seq, before }: PendingCheckpoint): Promise<void> {
    const parts = splitLeaves(before);
    for (const [index, leaves] of parts.entries()) await this.#store.putPart(org, 'leaves', seq, index + 1, leaves);
    await this.#store.putCheckpoint(org, {
      seq,
      subtrees: encodeFieldBytes(...before.entries.subtrees),
      parts: parts.length,
    });
  }
}
