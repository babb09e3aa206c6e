/** The two roots of a checkpoint (docs/format-directory.md, section 8). */
import type { Bytes } from '../encoding/bytes.ts';
import type { DirectoryState } from './directory-state.ts';
import { rootOf, treeRoot } from './hash-tree.ts';
import { encodeLeaves } from './state-leaves.ts';

export interface CheckpointRoots {
  /** Over the hashes of all entries. */
  readonly entries: Bytes;
  /** Over the leaves of the state. */
  readonly state: Bytes;
}

/** The roots for a checkpoint that follows this state. */
export const checkpointOf = (state: DirectoryState): CheckpointRoots => ({
  entries: treeRoot(state.entries),
  state: rootOf(encodeLeaves(state)),
});
