/**
 * The copy of all records on this device: the newest version of each, and where its other versions are. Content stays as
 * it was sealed in the chain; it is opened when it is read.
 */
import { type ChainState, type RecordHead, recordKey } from '../../../../core/devices/chain-state.ts';
import type { EpochKey } from '../../../../core/devices/epoch-keys.ts';
import { PersistentMap } from '../../../../core/devices/persistent-map.ts';
import { openChange } from '../../../../core/devices/record-changes.ts';
import type { RecordPlaintext } from '../../../../core/devices/record-plaintext.ts';
import { u64Bytes } from '../../../../core/encoding/bytes.ts';
import { decodeU64Field } from '../../../../core/encoding/field-reader.ts';
import type { SyncNotice } from '../device-types.ts';
import { paddedNumber, type StoreBatch, stored, type VaultStore } from '../vault-store.ts';
import type { AppliedEntry } from '../verified-page.ts';
import {
  decodeRecord,
  decodeVersion,
  encodeRecord,
  encodeVersion,
  type SealedVersion,
  type StoredRecord,
  type VersionRef,
  type VersionStatus,
} from './stored-record.ts';

type KeyOf = (epoch: number) => EpochKey | undefined;
type ReadVersion = (ref: VersionRef) => Promise<SealedVersion>;
type RecordId = { readonly type: string; readonly id: string };

const recordPrefix = 'record/';
const recordName = (record: RecordId): string => recordPrefix + recordKey(record);
const versionPrefix = (record: RecordId): string => `version/${recordKey(record)}/`;
const versionName = (record: RecordId, version: number): string => versionPrefix(record) + paddedNumber(version);
const clockName = 'lamport';

/** The effect of entries on the copy, to be committed after it was stored. */
export interface StagedRecords {
  readonly changed: readonly RecordHead[];
  readonly undecided: ReadonlySet<string>;
  readonly lamport: number;
}

export class RecordCopy {
  readonly #store: VaultStore;
  /** Keys of the records that are undecided. */
  #undecided: ReadonlySet<string>;
  #lamport: number;

  private constructor(store: VaultStore, undecided: ReadonlySet<string>, lamport: number) {
    this.#store = store;
    this.#undecided = undecided;
    this.#lamport = lamport;
  }

  /** Reads the copy. @returns also the newest versions, which the state of the chain contains */
  static async load(
    store: VaultStore,
  ): Promise<{ readonly copy: RecordCopy; readonly records: ChainState['records'] }> {
    const heads: [string, RecordHead][] = [];
    const undecided = new Set<string>();
    for await (const [, bytes] of store.items(recordPrefix)) {
      const { head, isUndecided } = decodeRecord(bytes);
      heads.push([recordKey(head), head]);
      if (isUndecided) undecided.add(recordKey(head));
    }
    const clock = await store.get(clockName);
    const lamport = clock === undefined ? 0 : stored(decodeU64Field(clock));
    return { copy: new RecordCopy(store, undecided, lamport), records: PersistentMap.from(heads) };
  }

  /** The highest Lamport time in opened content. */
  get lamport(): number {
    return this.#lamport;
  }

  async get(record: RecordId): Promise<StoredRecord | undefined> {
    const bytes = await this.#store.get(recordName(record));
    return bytes === undefined ? undefined : decodeRecord(bytes);
  }

  /** Versions of a record, oldest first. */
  async versions(record: RecordId): Promise<readonly VersionRef[]> {
    const versions: VersionRef[] = [];
    for await (const [name, bytes] of this.#store.items(versionPrefix(record)))
      versions.push(decodeVersion(name, bytes));
    return versions;
  }

  /** Stages the changes of entries. */
  async stage(
    applied: readonly AppliedEntry[],
    keyOf: KeyOf,
    batch: StoreBatch,
    notices: SyncNotice[],
  ): Promise<StagedRecords> {
    const touched = new Map<string, StoredRecord>();
    let lamport = this.#lamport;
    for (const { change, hash, ...place } of applied.flatMap(changesOf)) {
      const { seq, signer, epoch, index } = place;
      const { type, id, version } = change;
      const key = recordKey(change);
      const sealed = { seq, signer, epoch, change };
      const opened = await openVersion(sealed, keyOf);
      const status = typeof opened === 'string' ? opened : 'good';
      if (typeof opened !== 'string') lamport = Math.max(lamport, opened.lamport);
      if (status === 'void') notices.push(voidContent(sealed));
      const before = touched.get(key) ?? (await this.get(change));
      touched.set(key, advance(before, { type, id, version, hash, epoch }, status, sealed));
      batch.put(versionName(change, version), encodeVersion({ version, seq, index, status }));
    }
    const undecided = new Set(this.#undecided);
    for (const [key, record] of touched) {
      batch.put(recordName(record.head), encodeRecord(record));
      if (record.isUndecided) undecided.add(key);
      else undecided.delete(key);
    }
    this.#stageClock(lamport, batch);
    return { changed: [...touched.values()].map(({ head }) => head), undecided, lamport };
  }

  /** Stages the newest versions of a bundle. Records that are here already in that version stay as they are. */
  async stageBundle(
    records: readonly Pick<SealedVersion, 'epoch' | 'change'>[],
    state: ChainState,
    keyOf: KeyOf,
    batch: StoreBatch,
    notices: SyncNotice[],
  ): Promise<StagedRecords> {
    const undecided = new Set(this.#undecided);
    const changed: RecordHead[] = [];
    let lamport = this.#lamport;
    // In groups, because WebCrypto runs on other threads.
    const openAtOnce = async (bundled: (typeof records)[number]) => {
      const before = await this.get(bundled.change);
      const sealed = { ...bundled, seq: state.head.seq, signer: undefined };
      return { bundled, before, sealed, opened: await openVersion(sealed, keyOf) };
    };
    for await (const { bundled, before, sealed, opened } of inGroups(records, openAtOnce)) {
      const { change } = bundled;
      const key = recordKey(change);
      const head = stored(state.records.get(key));
      if (before?.head.version === head.version) continue;
      const status: VersionStatus = typeof opened === 'string' ? opened : 'good';
      if (typeof opened !== 'string') lamport = Math.max(lamport, opened.lamport);
      if (status === 'void') notices.push(voidContent(sealed));
      const record = advance(before, head, status, sealed);
      if (record.isUndecided) undecided.add(key);
      else undecided.delete(key);
      batch.put(recordName(head), encodeRecord(record));
      const ref = { version: head.version, seq: sealed.seq, index: 0, status, bundled };
      batch.put(versionName(head, head.version), encodeVersion(ref));
      changed.push(head);
    }
    this.#stageClock(lamport, batch);
    return { changed, undecided, lamport };
  }

  #stageClock(lamport: number, batch: StoreBatch): void {
    if (lamport !== this.#lamport) batch.put(clockName, u64Bytes(lamport));
  }

  commit({ undecided, lamport }: StagedRecords): void {
    this.#undecided = undecided;
    this.#lamport = lamport;
  }

  /** Decides records again, after keys were added. @param read reads a version from a stored entry */
  async decideAgain(keyOf: KeyOf, read: ReadVersion, batch: StoreBatch, notices: SyncNotice[]): Promise<StagedRecords> {
    const undecided = new Set(this.#undecided);
    const changed: RecordHead[] = [];
    let lamport = this.#lamport;
    for (const key of this.#undecided) {
      const [type = '', id = ''] = key.split(':');
      const { head } = stored(await this.get({ type, id }));
      const found = await this.#newestContent(head, keyOf, read, batch, notices);
      if (found === 'undecided') continue;
      lamport = Math.max(lamport, found?.lamport ?? 0);
      batch.put(recordName(head), encodeRecord({ head, isUndecided: false, content: found?.sealed }));
      undecided.delete(key);
      changed.push(head);
    }
    this.#stageClock(lamport, batch);
    return { changed, undecided, lamport };
  }

  /** The newest version with content that is not void; undefined if there is none. */
  async #newestContent(
    head: RecordHead,
    keyOf: KeyOf,
    read: ReadVersion,
    batch: StoreBatch,
    notices: SyncNotice[],
  ): Promise<{ readonly sealed: SealedVersion; readonly lamport: number } | 'undecided' | undefined> {
    for (const ref of (await this.versions(head)).toReversed()) {
      if (ref.status === 'void') continue;
      const sealed = await read(ref);
      const opened = await openVersion(sealed, keyOf);
      if (opened === 'undecided') return opened;
      const status = opened === 'void' ? 'void' : 'good';
      batch.put(versionName(head, ref.version), encodeVersion({ ...ref, status }));
      if (opened !== 'void') return { sealed, lamport: opened.lamport };
      notices.push(voidContent(sealed));
    }
    return undefined;
  }

  get hasUndecided(): boolean {
    return this.#undecided.size > 0;
  }
}

/** Items that are worked on at the same time. */
const groupSize = 256;

/** Works on items in groups, and returns the results in their order. */
async function* inGroups<T, R>(items: readonly T[], work: (item: T) => Promise<R>): AsyncGenerator<R> {
  for (let at = 0; at < items.length; at += groupSize)
    yield* await Promise.all(items.slice(at, at + groupSize).map(work));
}

/** The changes of an entry that took effect, with their position in its body. */
function changesOf({ entry, changes, voided }: AppliedEntry) {
  const { seq, signer, epoch } = entry;
  const skipped = new Set(voided.map(({ index }) => index));
  const all = Array.from({ length: changes.length + voided.length }, (_, index) => index);
  const positions = all.filter((index) => !skipped.has(index));
  return changes.map(({ change, hash }, at) => ({ change, hash, seq, signer, epoch, index: positions[at] ?? 0 }));
}

const voidContent = ({ seq, signer, change }: SealedVersion): SyncNotice => ({
  seq,
  kind: 'content_void',
  detail: `${recordKey(change)}, version ${change.version}, of device ${signer ?? 'not known'}`,
});

/** @returns why it does not open otherwise */
export async function openVersion(
  { seq, signer, epoch, change }: SealedVersion,
  keyOf: KeyOf,
): Promise<RecordPlaintext | 'void' | 'undecided'> {
  const key = keyOf(epoch);
  if (key === undefined) return 'undecided';
  return await openChange(key, change, { seq, signer }).catch(() => 'void' as const);
}

/** The record after one more version. */
function advance(
  before: StoredRecord | undefined,
  head: RecordHead,
  status: VersionStatus,
  sealed: SealedVersion,
): StoredRecord {
  if (status === 'good') return { head, isUndecided: false, content: sealed };
  return { head, isUndecided: status === 'undecided' || before?.isUndecided === true, content: before?.content };
}
