/** The verified state of a directory, with what the service must still store of it. */
import { applyEntry } from '../../core/directory/apply-entry.ts';
import { type DirectoryState, initialDirectory, type Outcome } from '../../core/directory/directory-state.ts';

/** A checkpoint that has no stored leaves yet. */
export interface PendingCheckpoint {
  readonly seq: number;
  /** The state before it. */
  readonly before: DirectoryState;
}

export interface DirectoryView {
  readonly state: DirectoryState;
  /** Sequence number of the newest snapshot that the reader knows; 0 if there is none. */
  readonly snapshotSeq: number;
  /** Checkpoints after that snapshot. */
  readonly checkpoints: readonly PendingCheckpoint[];
}

export const emptyView = (org: string): DirectoryView => ({
  state: initialDirectory(org),
  snapshotSeq: 0,
  checkpoints: [],
});

/** The outcome of one more entry, with the view after it. A client that gets a stop does not go on. */
export function applyToView(
  view: DirectoryView,
  signed: Uint8Array,
): { readonly outcome: Outcome; readonly next: DirectoryView } {
  const outcome = applyEntry(view.state, signed);
  if (outcome.result === 'stop') return { outcome, next: view };
  const isCheckpoint = outcome.result === 'accept' && outcome.entry.op === 'checkpoint';
  const added = isCheckpoint ? [{ seq: outcome.entry.seq, before: view.state }] : [];
  return { outcome, next: { ...view, state: outcome.state, checkpoints: [...view.checkpoints, ...added] } };
}

/** Number of devices, fleets, members of fleets and links. */
export const subjectCount = ({ devices, fleets, members, links }: DirectoryState): number =>
  devices.size + fleets.size + members.size + links.size;
