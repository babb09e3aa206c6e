/** Reads records from the copy on this device, with queued changes over them. Sends nothing. */
import { recordKey } from '../../../../core/devices/chain-state.ts';
import { deviceError } from '../device-errors.ts';
import type { DeviceRecord, RecordConflict, RecordType, RecordVersion } from '../device-types.ts';
import type { DeviceVaultEngine } from '../vault-engine.ts';
import type { ChangeQueue, QueuedChange } from './change-queue.ts';
import { type Content, type RecordBody, readContent, type Time } from './record-content.ts';
import { openVersion } from './record-copy.ts';
import type { RecordPlace } from './search-index.ts';
import type { SealedVersion } from './stored-record.ts';

type RecordId = { readonly type: string; readonly id: string };

/** The newest content of a record in the vault. */
export interface NewestContent {
  readonly version: number;
  /** Undefined if it is not readable. */
  readonly content: Content | undefined;
  readonly isReadable: boolean;
  readonly time: Time;
}

export class RecordReader {
  readonly #engine: DeviceVaultEngine;
  readonly #queue: ChangeQueue;

  constructor(engine: DeviceVaultEngine, queue: ChangeQueue) {
    this.#engine = engine;
    this.#queue = queue;
  }

  /** Version of the newest change of a record, also if its content is void; 0 if there is none. */
  headVersion(record: RecordId): number {
    return this.#engine.view.state.records.get(recordKey(record))?.version ?? 0;
  }

  /** Whether this device lacks the key that tells which content is the newest. */
  async isUndecided(record: RecordId): Promise<boolean> {
    return (await this.#engine.records.get(record))?.isUndecided === true;
  }

  /**
   * The newest content in the vault; undefined if the record never had any.
   * @throws DeviceVaultError no_key
   */
  async newest(type: RecordType, id: string): Promise<NewestContent | undefined> {
    const record = await this.#engine.records.get({ type, id });
    if (record?.isUndecided === true) throw deviceError('no_key', { detail: `${type} ${id}` });
    return record?.content && (await this.#open(type, record.content));
  }

  async #open(type: RecordType, sealed: SealedVersion): Promise<NewestContent | undefined> {
    const opened = await openVersion(sealed, (epoch) => this.#engine.view.key(epoch));
    if (typeof opened === 'string') return undefined;
    const content = readContent(type, opened);
    const time = [opened.lamport, opened.device] as const;
    return { version: opened.version, content, isReadable: content !== undefined, time };
  }

  /** The content that this device shows: a queued change, or the newest one in the vault. */
  async current(type: RecordType, id: string): Promise<Content | undefined> {
    const queued = this.#queue.get({ type, id });
    if (queued !== undefined && !queued.isConflict) return queued.mine;
    return (await this.newest(type, id))?.content;
  }

  /**
   * The record that this device shows.
   * @throws DeviceVaultError no_key, unreadable_content
   */
  async record(type: RecordType, id: string): Promise<DeviceRecord | undefined> {
    const queued = this.#queue.get({ type, id });
    if (queued !== undefined && !queued.isConflict) return this.#local(queued);
    const newest = await this.newest(type, id);
    if (newest === undefined || newest.content === 'deleted') return undefined;
    const { version, content, time } = newest;
    if (content === undefined) throw deviceError('unreadable_content', { detail: `${type} ${id}` });
    return toRecord({ type, id, version, state: 'synced', device: time[1] }, content);
  }

  #local(queued: QueuedChange): DeviceRecord | undefined {
    const { type, id, mine } = queued;
    if (mine === 'deleted') return undefined;
    const version = this.headVersion(queued) + 1;
    return toRecord({ type, id, version, state: 'local', device: this.#engine.keys.id }, mine);
  }

  /** Records of a type that can be read, in the order of their ids. */
  async records(type: RecordType): Promise<readonly DeviceRecord[]> {
    const found: DeviceRecord[] = [];
    for (const { id } of this.places(type)) {
      const record = await this.recordOrUnreadable(type, id);
      if (record !== undefined && record !== 'unreadable') found.push(record);
    }
    return found;
  }

  /** As {@link record}, of a record that perhaps cannot be opened now. */
  async recordOrUnreadable(type: RecordType, id: string): Promise<DeviceRecord | undefined | 'unreadable'> {
    try {
      return await this.record(type, id);
    } catch (error) {
      if (isUnreadable(error)) return 'unreadable';
      throw error;
    }
  }

  /** All records of a type, deleted ones included, in the order of their ids. Nothing is opened. */
  places(type: RecordType): readonly RecordPlace[] {
    const places = new Map<string, RecordPlace>();
    for (const { id, version, type: other } of this.#engine.view.state.records.values())
      if (other === type) places.set(id, { id, version, isQueued: false });
    for (const { id, isConflict, type: other } of this.#queue.all())
      if (other === type && !isConflict)
        places.set(id, { id, version: this.headVersion({ type, id }), isQueued: true });
    return [...places.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** All versions in the vault with content that is not void, newest first. */
  async history(type: RecordType, id: string): Promise<readonly RecordVersion[]> {
    const versions: RecordVersion[] = [];
    for (const ref of await this.#engine.records.versions({ type, id })) {
      if (ref.status === 'void') continue;
      const sealed = await this.#engine.version(ref);
      const opened = await this.#open(type, sealed);
      const content = opened?.content;
      const data = content === undefined || content === 'deleted' ? undefined : content.data;
      const { seq, time, signer } = sealed;
      const device = signer ?? opened?.time[1] ?? '';
      const place = { version: ref.version, seq, time, device, isFromCheckpoint: ref.bundled !== undefined };
      versions.push({ ...place, data, isDeleted: content === 'deleted' });
    }
    return versions.reverse();
  }

  /** The body of a version. @throws DeviceVaultError record_unknown */
  async bodyOf(type: RecordType, id: string, version: number): Promise<RecordBody> {
    const ref = (await this.#engine.records.versions({ type, id })).find((one) => one.version === version);
    const opened = ref && (await this.#open(type, await this.#engine.version(ref)));
    if (opened?.content === undefined || opened.content === 'deleted')
      throw deviceError('record_unknown', { detail: `${type} ${id}, version ${version}` });
    return opened.content;
  }

  /** Records that a person must decide about. @param type all types without it */
  async conflicts(type?: RecordType): Promise<readonly RecordConflict[]> {
    const found: RecordConflict[] = [];
    for (const queued of this.#queue.all()) {
      if (!queued.isConflict || (type !== undefined && queued.type !== type)) continue;
      const theirs = (await this.newest(queued.type, queued.id))?.content;
      found.push({ type: queued.type, id: queued.id, theirs: dataOf(theirs), mine: dataOf(queued.mine) });
    }
    return found;
  }
}

const dataOf = (content: Content | undefined) =>
  content === undefined || content === 'deleted' ? undefined : content.data;

const toRecord = (
  place: Omit<DeviceRecord, 'data' | 'isImported'>,
  { data, isImported }: RecordBody,
): DeviceRecord => ({ ...place, data, isImported });

const isUnreadable = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'no_key' || error.code === 'unreadable_content');
