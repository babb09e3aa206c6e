/** Writes a user's memory. Each write is a single conditional write of one item and is safe to repeat. */
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

/** Attempts per write before giving up because of concurrent writers of the same record. */
const maxAttempts = 12;
const backoffBaseMs = 5;
const maxBackoffMs = 250;
/** Concurrent writes per request. */
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
   * Stores a new record. If the request is repeated with the same ID and data, nothing is stored, and the stored record
   * is returned.
   * @throws VaultError `invalid_request`, `record_too_large`, `record_exists`, `write_contention`, `unavailable`;
   *   DecryptionError if a corrupt record with that ID exists
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
      // The record was deleted in the meantime.
      if (stored === undefined) continue;
      const existing = decryptMemory(umk, stored);
      if (!isDeepStrictEqual(existing.data, data)) throw new VaultError('record_exists');
      return toRecordInfo(stored, existing);
    }
    throw writeContentionError();
  }

  /**
   * Stores up to 100 records, each with a separate result.
   * @throws VaultError `invalid_request` if an ID occurs twice
   */
  async addMany(user: UnlockedUser, items: readonly AddMemoryRequest[]): Promise<AddMemoriesResponse> {
    // An item without an ID is represented by a space and its position. That is not a valid ID, so it cannot collide.
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
   * Stores the next version of a record. If the request is repeated with the same write ID, and no other write came in
   * between, nothing is stored, and the result of the first request is returned.
   * @param user unlocked with the same read as the record
   * @throws VaultError `record_not_found`, `invalid_request`, `record_too_large`, `version_conflict`,
   *   `write_id_reused`, `write_contention`, `unavailable`; DecryptionError if the stored record is corrupt
   */
  async replace(user: UnlockedUser, id: string, request: ReplaceMemoryRequest): Promise<RecordInfo> {
    const { umk, owner } = user;
    const data = validateRecordData(request.data);
    const { ifVersion, writeId } = request;
    const updatedAt = this.#clock().toISOString();
    let stored = user.records.get(id);
    // Each ciphertext has a unique nonce. A stored ciphertext therefore shows whether it is from an earlier attempt
    // whose response was lost.
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

  /**
   * Deletes a record. No key is needed, so corrupt records can be deleted too.
   * @param user unlocked with the same read as the record
   */
  async delete(user: UnlockedUser, id: string): Promise<DeleteMemoryResponse> {
    // Includes IDs that no request can have stored, so that items that someone else wrote to the table can be deleted.
    if (!canBeStoredId(id)) return { deleted: false };
    const found = await this.#records.delete(user.owner, { collection: 'memory', id });
    // After a lost response, the SDK's retry finds no record. The earlier read therefore counts too.
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

/** Whether the stored record is the result of an earlier attempt of this write. @throws VaultError `write_id_reused` */
function isRetryOf(stored: StoredRecord, { data }: MemoryContent, wanted: unknown, writeId: string | undefined) {
  if (writeId === undefined || stored.writeId !== writeId) return false;
  if (!isDeepStrictEqual(data, wanted)) throw new VaultError('write_id_reused');
  return true;
}

const writeContentionError = () => new VaultError('write_contention', { detail: 'Nothing was stored.' });
