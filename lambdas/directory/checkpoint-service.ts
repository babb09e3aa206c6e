/** Serves checkpoints to clients that start at one (docs/format-directory.md, section 8). */
import type { ReadCheckpointResponse } from '../../contract/sessions/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { encodeBase64Field } from '../shared/base64-field.ts';
import type { DirectoryStore, SnapshotStore } from './directory-ports.ts';
import { leavesOfPart } from './snapshot-codec.ts';

export class CheckpointService {
  readonly #store: Pick<DirectoryStore, 'getEntry'>;
  readonly #snapshots: Pick<SnapshotStore, 'findCheckpoint' | 'getPart'>;

  constructor(store: Pick<DirectoryStore, 'getEntry'>, snapshots: Pick<SnapshotStore, 'findCheckpoint' | 'getPart'>) {
    this.#store = store;
    this.#snapshots = snapshots;
  }

  /** @throws VaultError `checkpoint_not_found`, `unavailable` */
  async read(org: string, upTo: number, part: number): Promise<ReadCheckpointResponse> {
    const found = await this.#snapshots.findCheckpoint(org, upTo);
    if (found === undefined) throw new VaultError('checkpoint_not_found');
    const { seq, subtrees, parts } = found;
    const [checkpoint, leaves] = await Promise.all([
      this.#store.getEntry(org, seq),
      this.#snapshots.getPart(org, 'leaves', seq, part),
    ]);
    if (checkpoint === undefined || leaves === undefined) throw new VaultError('checkpoint_not_found');
    return {
      seq,
      checkpoint: encodeBase64Field(checkpoint),
      subtrees: leavesOfPart(subtrees).map(encodeBase64Field),
      leaves: leavesOfPart(leaves).map(encodeBase64Field),
      parts,
    };
  }
}
