/** The records of one vault: what an application reads and writes. */
import { isRecordId, recordTypes } from '../../../../core/devices/vault-scope.ts';
import { toBase64Url } from '../../../../core/encoding/bytes.ts';
import type { Transport } from '../../http/transport.ts';
import { notSentError } from '../../shared/argument-validation.ts';
import { checkOptions } from '../../shared/check-options.ts';
import type { CallOptions, CallSettings } from '../../shared/client-options.ts';
import { AnimaError } from '../../shared/errors.ts';
import { Turns } from '../../shared/turns.ts';
import { deviceError } from '../device-errors.ts';
import type {
  DeviceRecord,
  DeviceRecords,
  RecordChange,
  RecordData,
  RecordType,
  SyncOptions,
  SyncResult,
} from '../device-types.ts';
import { DeviceVaultError } from '../device-vault-error.ts';
import type { DeviceVaultEngine } from '../vault-engine.ts';
import { ChangeQueue, type QueuedChange } from './change-queue.ts';
import { type Content, checkData, encodeBody, equalContent, type Time, writeBody } from './record-content.ts';
import { RecordReader } from './record-reader.ts';
import { RecordSync } from './record-sync.ts';
import { RecordWatchers } from './record-watchers.ts';
import { SearchIndex } from './search-index.ts';

const defaultSearchLimit = 50;

type MakeContent = (before: Content | undefined, time: Time) => Content;
type Decision = 'mine' | 'theirs' | { readonly data: RecordData };

/** A random id of a record: 128 bits. */
export const newRecordId = (): string => toBase64Url(crypto.getRandomValues(new Uint8Array(16)));

/** Validates a type. @throws AnimaError invalid_argument */
export function checkRecordType(type: unknown): RecordType {
  if (typeof type === 'string' && recordTypes.includes(type)) return type as RecordType;
  throw notSentError('invalid_argument', `the type must be one of ${recordTypes.join(', ')}`);
}

/** Records of all types, and what they share: the queue, and the connection to the vault. */
export class VaultRecords {
  readonly #engine: DeviceVaultEngine;
  readonly #transport: Transport;
  readonly #queue: ChangeQueue;
  readonly #reader: RecordReader;
  readonly #sync: RecordSync;
  readonly #watchers = new RecordWatchers();
  readonly #indexes = new Map<RecordType, SearchIndex>();
  /** Records that other devices changed, until they were delivered. */
  readonly #changed = new Map<string, { readonly type: RecordType; readonly id: string }>();
  /** One change of the queue at a time, so that each is made to the content before. */
  readonly #turns = new Turns();

  private constructor(engine: DeviceVaultEngine, transport: Transport, queue: ChangeQueue) {
    this.#engine = engine;
    this.#transport = transport;
    this.#queue = queue;
    this.#reader = new RecordReader(engine, queue);
    this.#sync = new RecordSync(engine, queue, this.#reader);
    this.#sync.onSettled = () => this.#deliver();
    engine.onChange = (heads) => {
      for (const { type, id } of heads) this.#changed.set(`${type}:${id}`, { type: checkRecordType(type), id });
    };
  }

  /** @throws DeviceVaultError storage_damaged */
  static async open(engine: DeviceVaultEngine, transport: Transport): Promise<VaultRecords> {
    return new VaultRecords(engine, transport, await ChangeQueue.load(engine.store));
  }

  sync(options: SyncOptions = {}): Promise<SyncResult> {
    return this.#sync.sync(this.#transport.callSettings(options, 'onProgress'), options.onProgress);
  }

  /** Ends all watching. */
  close(): void {
    this.#watchers.close();
  }

  /** The records of one type. @throws AnimaError invalid_argument */
  of(given: RecordType): DeviceRecords {
    const type = checkRecordType(given);
    const reader = this.#reader;
    return {
      put: async (data, { id, ...options } = {}) => {
        this.#transport.callSettings(options, 'id');
        return await this.write(type, checkId(id) ?? newRecordId(), checkData(type, data), options);
      },
      get: async (id) => await reader.record(type, requireId(id)),
      list: async () => await reader.records(type),
      delete: async (id, options = {}) => {
        this.#transport.callSettings(options);
        return await this.#delete(type, requireId(id), options);
      },
      history: async (id) => await reader.history(type, requireId(id)),
      restore: async (id, version, options = {}) => {
        this.#transport.callSettings(options);
        const { data, isImported } = await reader.bodyOf(type, requireId(id), version);
        return await this.write(type, id, data, options, isImported);
      },
      watch: (options = {}) => this.#watchers.watch(type, this.#transport.callSettings(options).signal),
      search: async (query, options = {}) => {
        checkOptions(options, ['limit']);
        return await this.#search(type, query, options.limit ?? defaultSearchLimit);
      },
      resolve: async (id, keep, options = {}) => {
        this.#transport.callSettings(options);
        await this.#resolve(type, requireId(id), keep, options);
      },
      conflicts: async () => await reader.conflicts(type),
    };
  }

  /**
   * Stores a record, and tries to write it to the vault.
   * @param isImported whether its source is one that nobody verified; as before without it
   * @throws DeviceVaultError not_a_member, vault_closed, no_key, conflict_pending, record_too_large
   */
  async write(
    type: RecordType,
    id: string,
    data: RecordData,
    options: CallOptions = {},
    isImported?: boolean,
  ): Promise<DeviceRecord> {
    const make: MakeContent = (before, time) => {
      const wasImported = before !== undefined && before !== 'deleted' && before.isImported;
      return writeBody(type, data, before, time, isImported ?? wasImported);
    };
    await this.#turns.run(() => this.#change(type, id, make));
    await this.#pushIfOnline(options);
    this.#requireDecided(type, id);
    const record = await this.#reader.record(type, id);
    if (record === undefined) throw deviceError('record_unknown', { detail: 'another device deleted the record' });
    return record;
  }

  async #delete(type: RecordType, id: string, options: CallOptions): Promise<boolean> {
    const wasThere = await this.#turns.run(async () => {
      const newest = await this.#reader.newest(type, id);
      const current = await this.#reader.current(type, id);
      if (current === 'deleted' || (current === undefined && newest === undefined)) return false;
      await this.#change(type, id, () => 'deleted');
      return true;
    });
    if (!wasThere) return false;
    await this.#pushIfOnline(options);
    this.#requireDecided(type, id);
    return true;
  }

  async #resolve(type: RecordType, id: string, keep: Decision, options: CallOptions): Promise<void> {
    await this.#turns.run(async () => {
      while (!(await this.#tryResolve(type, id, keep)));
    });
    this.#changed.set(`${type}:${id}`, { type, id });
    await this.#pushIfOnline(options);
  }

  /** @returns false if the queue changed meanwhile */
  async #tryResolve(type: RecordType, id: string, keep: Decision): Promise<boolean> {
    const queued = this.#queue.get({ type, id });
    if (queued?.isConflict !== true) throw deviceError('record_unknown', { detail: 'there is no such conflict' });
    if (keep === 'theirs') return (await this.#queue.remove([queued])) > 0;
    const baseVersion = this.#reader.headVersion({ type, id });
    const base = (await this.#reader.newest(type, id))?.content;
    const lamport = Math.max(this.#engine.records.lamport, queued.lamport) + 1;
    const time: Time = [lamport, this.#engine.keys.id];
    const mine = keep === 'mine' ? queued.mine : writeBody(type, checkData(type, keep.data), base, time, false);
    if (mine !== 'deleted') encodeBody(mine).fill(0);
    return await this.#queue.put({ type, id, base, baseVersion, mine, lamport, sent: [], isConflict: false }, queued);
  }

  /**
   * Queues a change. One that is queued already keeps its base.
   * @param make the new content, from the content before
   * @throws DeviceVaultError not_a_member, vault_closed, no_key, conflict_pending, record_too_large
   */
  async #change(type: RecordType, id: string, make: MakeContent): Promise<void> {
    this.#engine.store.assertUsable();
    this.#sync.assertWriter();
    while (!(await this.#tryChange(type, id, make)));
    this.#changed.set(`${type}:${id}`, { type, id });
  }

  /** @returns false if the queue changed meanwhile */
  async #tryChange(type: RecordType, id: string, make: MakeContent): Promise<boolean> {
    this.#requireDecided(type, id);
    const queued = this.#queue.get({ type, id });
    // The version is read before the content: if another version arrives between, that content is merged, not lost.
    const baseVersion = queued?.baseVersion ?? this.#reader.headVersion({ type, id });
    const base = queued === undefined ? (await this.#reader.newest(type, id))?.content : queued.base;
    const before = queued === undefined ? base : queued.mine;
    const lamport = this.#nextLamport(queued);
    const mine = make(before, [lamport, this.#engine.keys.id]);
    if (mine !== 'deleted') encodeBody(mine).fill(0);
    if (equalContent(mine, before)) return true;
    const isLocalOnly = queued !== undefined && baseVersion === 0 && !this.#queue.maySent(queued);
    if (mine === 'deleted' && isLocalOnly) return (await this.#queue.remove([queued])) > 0;
    const sent = queued?.sent ?? [];
    return await this.#queue.put({ type, id, base, baseVersion, mine, lamport, sent, isConflict: false }, queued);
  }

  /** Above that of a queued change which may have reached the vault: it would otherwise win over this one. */
  #nextLamport(queued: QueuedChange | undefined): number {
    const next = this.#engine.records.lamport + 1;
    if (queued === undefined) return next;
    return Math.max(next, this.#queue.maySent(queued) ? queued.lamport + 1 : queued.lamport);
  }

  /**
   * A change that met another one was not written. The record in the vault would look as if it were.
   * @throws DeviceVaultError conflict_pending
   */
  #requireDecided(type: RecordType, id: string): void {
    if (this.#queue.get({ type, id })?.isConflict === true)
      throw deviceError('conflict_pending', { detail: `${type} ${id}` });
  }

  /** Writes queued changes now if the service can be reached. Otherwise they stay queued, which is no error. */
  async #pushIfOnline(options: CallOptions): Promise<void> {
    const settings: CallSettings = this.#transport.callSettings({ maxRetries: 0, ...options });
    try {
      await this.#sync.push(settings);
    } catch (error) {
      await this.#deliver();
      if (!isTemporary(error)) throw error;
    }
  }

  /** Tells watchers what changed. */
  async #deliver(): Promise<void> {
    const changed = [...this.#changed.values()];
    this.#changed.clear();
    for (const { type, id } of changed) {
      const record = await this.#reader.record(type, id).catch(() => undefined);
      const change: RecordChange = { type, id, record };
      this.#watchers.emit(change);
    }
  }

  #search(type: RecordType, query: string, limit: number): Promise<readonly DeviceRecord[]> {
    const index = this.#indexes.get(type) ?? new SearchIndex(this.#engine.store, type);
    this.#indexes.set(type, index);
    const open = (id: string) => this.#reader.recordOrUnreadable(type, id);
    return index.search({ places: this.#reader.places(type), open }, query, limit);
  }
}

/** Offline, or many other devices at once: the next sync writes the change. */
const isTemporary = (error: unknown): boolean =>
  (error instanceof AnimaError && error.retryable) ||
  (error instanceof DeviceVaultError && error.code === 'too_many_conflicts');

/** @throws AnimaError invalid_argument */
function checkId(id: unknown): string | undefined {
  if (id === undefined || (typeof id === 'string' && isRecordId(id))) return id;
  throw notSentError('invalid_argument', 'id must be 1 to 64 characters of A-Z a-z 0-9 _ -');
}

/** @throws AnimaError invalid_argument */
const requireId = (id: unknown): string => checkId(id ?? '') ?? '';
