/** The first reading of a directory. */
import { compareHeads, directoryPin, type HeadRelation } from '../../../../core/directory/directory-pin.ts';
import {
  type DirectoryHead,
  type DirectoryState,
  initialDirectory,
} from '../../../../core/directory/directory-state.ts';
import { resumeFromCheckpoint } from '../../../../core/directory/resume-from-checkpoint.ts';
import { type Bytes, equalBytes } from '../../../../core/encoding/bytes.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import type { CheckpointParts } from '../requests/session-requests.ts';
import { applyAll, type ReadEntries } from './directory-copy.ts';

/** A directory that is read for the first time. Nothing of it counts before the pin is reached. */
export class PinnedStart {
  readonly #pin: Bytes;
  readonly hashes = new Map<number, Bytes>();
  state: DirectoryState;
  isPinned = false;

  constructor(org: string, pin: Bytes) {
    this.#pin = pin;
    this.state = initialDirectory(org);
  }

  /** How the head in a statement relates to this directory. */
  compare(head: DirectoryHead): HeadRelation {
    return compareHeads(this.state, head, (seq) => this.hashes.get(seq));
  }

  /** Reads on until there is no more. @throws SessionError bad_directory, update_required */
  async read(read: ReadEntries, settings: CallSettings): Promise<void> {
    for (let more = true; more; ) {
      const page = await read(this.state.head.seq, settings);
      const chain = applyAll(this.state, page.entries, (state) => {
        this.isPinned ||= equalBytes(directoryPin(state), this.#pin);
      });
      this.state = chain.state;
      for (const [seq, hash] of chain.hashes) this.hashes.set(seq, hash);
      more = page.more && page.entries.length > 0;
    }
  }

  /** Starts at a checkpoint, if that leads to the pin. Otherwise nothing changes. */
  async tryCheckpoint({ seq, ...parts }: CheckpointParts, read: ReadEntries, settings: CallSettings): Promise<void> {
    const tail: Bytes[] = [];
    for (let more = true; more; ) {
      const page = await read(seq + tail.length, settings);
      tail.push(...page.entries);
      more = page.more && page.entries.length > 0;
    }
    const state = resumeFromCheckpoint(this.state.org, this.#pin, { ...parts, tail });
    if (state === undefined) return;
    this.state = state;
    this.hashes.clear();
    this.hashes.set(state.head.seq, state.head.hash);
    this.isPinned = true;
  }
}
