/** The verified directory on this device. It only moves forward, entry by entry. */
import { applyEntry } from '../../../../core/directory/apply-entry.ts';
import { zeroHash } from '../../../../core/directory/directory-ids.ts';
import { compareHeads } from '../../../../core/directory/directory-pin.ts';
import type { DirectoryHead, DirectoryState, StopReason } from '../../../../core/directory/directory-state.ts';
import { decodeDirectoryState, encodeDirectoryState } from '../../../../core/directory/state-snapshot.ts';
import { type Bytes, equalBytes, joinBytes } from '../../../../core/encoding/bytes.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import type { EntriesPage } from '../requests/session-requests.ts';
import { type SessionError, sessionError } from '../session-errors.ts';
import { Changes, type SessionStore } from '../storage/session-store.ts';

export type ReadEntries = (after: number, settings: CallSettings) => Promise<EntriesPage>;

const stopError = (reason: StopReason, seq: number): SessionError =>
  sessionError(
    reason === 'unsupported_suite' || reason === 'unknown_op' ? 'update_required' : 'bad_directory',
    `entry ${seq}: ${reason}`,
  );

/** States of a chain, and the hashes of its entries. */
export interface Chain {
  readonly state: DirectoryState;
  readonly hashes: ReadonlyMap<number, Bytes>;
}

/** Verifies entries. @throws SessionError bad_directory, update_required */
export function applyAll(
  start: DirectoryState,
  entries: readonly Bytes[],
  visit?: (state: DirectoryState) => void,
): Chain {
  let state = start;
  const hashes = new Map<number, Bytes>();
  for (const signed of entries) {
    const outcome = applyEntry(state, signed);
    if (outcome.result === 'stop') throw stopError(outcome.reason, state.head.seq + 1);
    state = outcome.state;
    hashes.set(state.head.seq, state.head.hash);
    visit?.(state);
  }
  return { state, hashes };
}

const stateName = 'directory';
const forkName = 'directory-fork';
const hashesPerBlock = 256;
const blockName = (block: number): string => `directory-hashes/${String(block).padStart(6, '0')}`;
const blockOf = (seq: number): number => Math.floor((seq - 1) / hashesPerBlock);

export class DirectoryCopy {
  readonly #store: SessionStore;
  readonly #hashes: Map<number, Bytes>;
  #state: DirectoryState;
  #isForked: boolean;

  private constructor(store: SessionStore, { state, hashes }: Chain, isForked: boolean) {
    this.#store = store;
    this.#state = state;
    this.#hashes = new Map(hashes);
    this.#isForked = isForked;
  }

  /** The stored directory. @throws SessionError storage_damaged if there is none */
  static async load(store: SessionStore, org: string): Promise<DirectoryCopy> {
    const encoded = await store.bytes(stateName);
    if (encoded === undefined) throw sessionError('storage_damaged');
    let state: DirectoryState;
    try {
      state = decodeDirectoryState(org, encoded);
    } catch {
      throw sessionError('storage_damaged');
    }
    const hashes = new Map<number, Bytes>();
    for (const name of await store.names('directory-hashes/')) {
      const block = (await store.bytes(name)) ?? new Uint8Array(0);
      const first = Number(name.slice(-6)) * hashesPerBlock + 1;
      for (let at = 0; at < block.length; at += 32) {
        const hash = block.slice(at, at + 32);
        if (!equalBytes(hash, zeroHash)) hashes.set(first + at / 32, hash);
      }
    }
    return new DirectoryCopy(store, { state, hashes }, (await store.bytes(forkName)) !== undefined);
  }

  /** Adds a first directory to a batch, which `load` reads. */
  static stage(changes: Changes, { state, hashes }: Chain): void {
    stageChain(changes, { state, hashes }, hashes);
  }

  get state(): DirectoryState {
    return this.#state;
  }

  /** Whether the service was seen to show two directories. It never heals by itself. */
  get isForked(): boolean {
    return this.#isForked;
  }

  /** How the head in a message relates to this directory. */
  compare(head: DirectoryHead) {
    return compareHeads(this.#state, head, (seq) => this.#hashes.get(seq));
  }

  /**
   * Reads and verifies the entries after the head.
   * @returns whether the head moved, and whether the service showed an older directory than before
   * @throws SessionError bad_directory, update_required
   */
  async follow(read: ReadEntries, settings: CallSettings): Promise<{ hasMoved: boolean; isBehind: boolean }> {
    const start = this.#state.head.seq;
    for (let more = true; more; ) {
      const page = await read(this.#state.head.seq, settings);
      if (page.head < this.#state.head.seq) return { hasMoved: this.#state.head.seq > start, isBehind: true };
      if (page.entries.length > 0) await this.append(page.entries);
      more = page.more && page.entries.length > 0;
    }
    return { hasMoved: this.#state.head.seq > start, isBehind: false };
  }

  /** Why an entry would have no effect here, and so for everybody; undefined if it would have one. */
  wouldVoid(signed: Bytes): string | undefined {
    const outcome = applyEntry(this.#state, signed);
    return outcome.result === 'accept' ? undefined : outcome.reason;
  }

  /** Verifies and stores entries. @throws SessionError bad_directory, update_required */
  async append(entries: readonly Bytes[]): Promise<void> {
    const next = applyAll(this.#state, entries);
    const hashes = new Map([...this.#hashes, ...next.hashes]);
    const changes = new Changes();
    stageChain(changes, { state: next.state, hashes }, next.hashes);
    await this.#store.write(changes);
    this.#state = next.state;
    for (const [seq, hash] of next.hashes) this.#hashes.set(seq, hash);
  }

  /** Remembers for ever that the service showed two directories. */
  async reportFork(): Promise<void> {
    if (this.#isForked) return;
    await this.#store.write(new Changes().put(forkName, { seq: this.#state.head.seq }));
    this.#isForked = true;
  }
}

function stageChain(changes: Changes, { state, hashes }: Chain, added: ReadonlyMap<number, Bytes>): void {
  changes.putBytes(stateName, encodeDirectoryState(state));
  for (const block of new Set([...added.keys()].map(blockOf))) {
    const first = block * hashesPerBlock + 1;
    const end = Math.min(first + hashesPerBlock - 1, state.head.seq);
    const parts = Array.from({ length: end - first + 1 }, (_, at) => hashes.get(first + at) ?? zeroHash);
    changes.putBytes(blockName(block), joinBytes(parts));
  }
}
