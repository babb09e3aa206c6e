/** The rules of writing a user's memory: one conditional write of one item, safe to repeat. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type {
  AddMemoriesItem,
  AddMemoriesResponse,
  AddMemoryRequest,
  DeleteMemoryResponse,
  RecordInfo,
  ReplaceMemoryRequest,
} from '../../contract/memory/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { toItemResult } from '../shared/error-classification.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import type { Clock } from '../shared/ports.ts';
import { assertUniqueNames } from '../shared/value-names.ts';
import { readWithinMaxAge } from '../users/read-freshness.ts';
import type { UnlockedUser } from '../users/unlocked-user.ts';
import type { StoredRecord, UserReader, UserRecordStore } from '../users/user-ports.ts';
import {
  assertAccessNotRevoked,
  canBeStoredId,
  decryptMemory,
  encryptMemory,
  type MemoryContent,
  memoryRecordKeys,
} from '../users/user-record-encryption.ts';
import { validateRecordData } from './memory-json.ts';

/** Writers of one record that may come between before a write is given up. */
const maxAttempts = 12;
const backoffBaseMs = 5;
const maxBackoffMs = 250;
/** Writes under way at once for one request. */
const maxConcurrentWrites = 16;

type RecordWrites = Pick<UserRecordStore, 'put' | 'delete'>;

export class MemoryWriter {
  readonly #reader: UserReader;
  readonly #records: RecordWrites;
  readonly #clock: Clock;

  constructor(reader: UserReader, records: RecordWrites, clock: Clock) {
    this.#reader = reader;
    this.#records = records;
    this.#clock = clock;
  }

  /**
   * Stores a new record. Sent again with the same id and the same data, it stores nothing and returns what is stored.
   * @throws VaultError `invalid_request`, `record_too_large`, `record_exists`, `write_contention`, `unavailable`; DecryptionError when
   *   there is a record of that id that is damaged
   */
  async add(user: UnlockedUser, request: AddMemoryRequest): Promise<RecordInfo> {
    const { umk, owner } = user;
    const data = validateRecordData(request.data);
    const now = this.#clock();
    const id = request.id ?? createTimeId(now.getTime(), randomBytes(16));
    const timestamp = now.toISOString();
    const content = { data, createdAt: timestamp, updatedAt: timestamp };
    const record: StoredRecord = { collection: 'memory', id, version: 1, data: encryptMemory(umk, id, 1, content) };
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      if (await this.#records.put(owner, record, undefined)) return toRecordInfo(record, content);
      const stored = await this.#reread(user, id);
      // Undefined: it was deleted in the meantime.
      if (stored === undefined) continue;
      const existing = decryptMemory(umk, stored);
      if (!isDeepStrictEqual(existing.data, data)) throw new VaultError('record_exists');
      return toRecordInfo(stored, existing);
    }
    throw writeContentionError();
  }

  /** Up to 100 records, each with a result of its own. @throws VaultError `invalid_request` when an id repeats */
  async addMany(user: UnlockedUser, items: readonly AddMemoryRequest[]): Promise<AddMemoriesResponse> {
    // What has no id is of no other's: a position with a blank before it is no id.
    assertUniqueNames(
      items.map(({ id }, at) => id ?? ` ${at}`),
      'items',
    );
    const results = await mapConcurrent(items, maxConcurrentWrites, async (item): Promise<AddMemoriesItem> => {
      const result = await toItemResult(() => this.add(user, item));
      if (result.ok) return { id: result.value.id, ok: true, record: result.value };
      return { ...(item.id === undefined ? {} : { id: item.id }), ok: false, error: result.error };
    });
    return { results };
  }

  /**
   * Stores the next version of a record. Sent again with the same write id, while no other write came after it, it stores nothing and
   * returns what the first one stored.
   * @param user opened together with the record
   * @throws VaultError `record_not_found`, `invalid_request`, `record_too_large`, `version_conflict`, `write_id_reused`,
   *   `write_contention`, `unavailable`; DecryptionError when what is stored is damaged
   */
  async replace(user: UnlockedUser, id: string, request: ReplaceMemoryRequest): Promise<RecordInfo> {
    const { umk, owner } = user;
    const data = validateRecordData(request.data);
    const { ifVersion, writeId } = request;
    const updatedAt = this.#clock().toISOString();
    let stored = user.records.get(id);
    // Each sealing has a nonce of its own: what is stored tells whether it is one of ours whose reply was lost.
    const ownWrites = new Map<string, RecordInfo>();
    for (let attempt = 1; ; attempt++) {
      if (stored === undefined) throw new VaultError('record_not_found');
      const ownWrite = ownWrites.get(stored.data);
      if (ownWrite !== undefined) return ownWrite;
      const before = decryptMemory(umk, stored);
      if (isRetryOf(stored, before, data, writeId)) return toRecordInfo(stored, before);
      if (ifVersion !== undefined && ifVersion !== stored.version) {
        throw new VaultError('version_conflict', { currentVersion: stored.version });
      }
      if (attempt > maxAttempts) throw writeContentionError();
      const version = stored.version + 1;
      const content = { data, createdAt: before.createdAt, updatedAt };
      const next: StoredRecord = {
        collection: 'memory',
        id,
        version,
        data: encryptMemory(umk, id, version, content),
        writeId,
      };
      const info = toRecordInfo(next, content);
      if (await this.#records.put(owner, next, stored)) return info;
      ownWrites.set(next.data, info);
      await sleep(Math.random() * Math.min(maxBackoffMs, backoffBaseMs * 2 ** attempt));
      stored = await this.#reread(user, id);
    }
  }

  /** Deletes a record; no key is needed for it, so what is damaged can be deleted too. @param user opened together with the record */
  async delete(user: UnlockedUser, id: string): Promise<DeleteMemoryResponse> {
    // Also what no request can have stored: what somebody put into the table must not stay there for ever.
    if (!canBeStoredId(id)) return { deleted: false };
    const found = await this.#records.delete(user.owner, { collection: 'memory', id });
    // A reply lost on the way to us would show nothing left to delete: what was read before counts too.
    return { deleted: found || user.records.has(id) };
  }

  async #reread(user: UnlockedUser, id: string): Promise<StoredRecord | undefined> {
    const read = await readWithinMaxAge(() => this.#reader.read(user.owner, memoryRecordKeys(id)));
    assertAccessNotRevoked(user, read);
    return read.records.get(id);
  }
}

const toRecordInfo = ({ id, version }: StoredRecord, { createdAt, updatedAt }: MemoryContent): RecordInfo => ({
  id,
  version,
  createdAt,
  updatedAt,
});

/** Whether an earlier sending of this write has stored what is there. @throws VaultError `write_id_reused` */
function isRetryOf(stored: StoredRecord, { data }: MemoryContent, wanted: unknown, writeId: string | undefined) {
  if (writeId === undefined || stored.writeId !== writeId) return false;
  if (!isDeepStrictEqual(data, wanted)) throw new VaultError('write_id_reused');
  return true;
}

const writeContentionError = () => new VaultError('write_contention', { detail: 'Nothing was stored.' });
