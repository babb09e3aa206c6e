/** Writes a user's memory. Each write is a single conditional write of one item and is safe to repeat. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type {
  AddMemoriesItem,
  AddMemoriesResponse,
  AddMemoryRequest,
  DeleteMemoryResponse,
  MemoryPlacement,
  RecordInfo,
  ReplaceMemoryRequest,
} from '../../contract/memory/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import type { Umk } from '../../core/users/user-root-key.ts';
import { toItemResult } from '../shared/error-classification.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import type { Clock } from '../shared/ports.ts';
import { hasPassed } from '../shared/timestamps.ts';
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
import { encodeEmbeddings } from './record-embeddings.ts';
import { indexAttributes, placementOf, requestedId } from './record-placement.ts';

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
    if (request.upsert === true) return await this.#upsert(user, request);
    if (request.ifVersion !== undefined || request.writeId !== undefined) throw needsUpsertError();
    const { umk, owner } = user;
    const data = validateRecordData(request.data);
    const now = this.#clock();
    const id = requestedId(umk, request) ?? createTimeId(now.getTime(), randomBytes(16));
    const timestamp = now.toISOString();
    const content = {
      data,
      createdAt: timestamp,
      updatedAt: timestamp,
      ...placementOf(request),
      ...vectorsOf(request),
    };
    let before: StoredRecord | undefined;
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const record = sealRecord(umk, id, (before?.version ?? 0) + 1, content);
      if (await this.#records.put(owner, record, before)) return toRecordInfo(record, content);
      const stored = await this.#reread(user, id);
      const live = openLive(umk, stored, this.#clock());
      if (live !== undefined) {
        const { data: existing, embeddings, ...place } = live.content;
        const isSame = isDeepStrictEqual(
          [existing, placementOf(place), embeddings],
          [data, placementOf(request), content.embeddings],
        );
        if (!isSame) throw new VaultError('record_exists');
        return toRecordInfo(live.stored, live.content);
      }
      // The record was deleted in the meantime, or has expired and is replaced.
      before = stored;
    }
    throw writeContentionError();
  }

  /**
   * Stores a record whether or not there is one. Repeated requests are recognized as in {@link replace}.
   * @throws VaultError as {@link replace}, without `record_not_found`
   */
  async #upsert(user: UnlockedUser, request: AddMemoryRequest): Promise<RecordInfo> {
    const { umk } = user;
    const id = requestedId(umk, request);
    if (id === undefined)
      throw new VaultError('invalid_request', { errors: [{ path: 'upsert', message: 'needs an id or a key' }] });
    const data = validateRecordData(request.data);
    const { ifVersion, writeId } = request;
    const vectors = vectorsOf(request);
    return await this.#write(user, id, await this.#reread(user, id), (live) => {
      if (live !== undefined && isRetryOf(live, data, writeId)) return { done: live };
      const current = live?.stored.version ?? 0;
      if (ifVersion !== undefined && ifVersion !== current)
        throw new VaultError('version_conflict', { currentVersion: current });
      return { data, writeId, ...placementOf(request), ...vectors };
    });
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
    const data = validateRecordData(request.data);
    const { ifVersion, writeId } = request;
    return await this.#write(user, id, user.records.get(id), (live) => {
      if (live === undefined) throw new VaultError('record_not_found');
      if (isRetryOf(live, data, writeId)) return { done: live };
      if (ifVersion !== undefined && ifVersion !== live.stored.version)
        throw new VaultError('version_conflict', { currentVersion: live.stored.version });
      return { data, writeId, ...placementOf(live.content) };
    });
  }

  /**
   * Stores the next version of a record, until no other writer comes in between.
   * @param next what to store, or the record that is the result already. Receives undefined for no record or an expired one
   */
  async #write(
    user: UnlockedUser,
    id: string,
    first: StoredRecord | undefined,
    next: (live: LiveRecord | undefined) => { readonly done: LiveRecord } | NextRecord,
  ): Promise<RecordInfo> {
    const { umk, owner } = user;
    const now = this.#clock();
    const updatedAt = now.toISOString();
    let stored = first;
    // Each ciphertext has a unique nonce. A stored ciphertext therefore shows whether it is from an earlier attempt
    // whose response was lost.
    const ownWrites = new Map<string, RecordInfo>();
    for (let attempt = 1; ; attempt++) {
      const ownWrite = ownWrites.get(stored?.data ?? '');
      if (ownWrite !== undefined) return ownWrite;
      const live = openLive(umk, stored, now);
      const wanted = next(live);
      if ('done' in wanted) return toRecordInfo(wanted.done.stored, wanted.done.content);
      if (attempt > maxAttempts) throw writeContentionError();
      const { writeId, ...content } = wanted;
      const full = { createdAt: live?.content.createdAt ?? updatedAt, updatedAt, ...content };
      const record = { ...sealRecord(umk, id, (stored?.version ?? 0) + 1, full), writeId };
      const info = toRecordInfo(record, full);
      if (await this.#records.put(owner, record, stored)) return info;
      ownWrites.set(record.data, info);
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

interface LiveRecord {
  readonly stored: StoredRecord;
  readonly content: MemoryContent;
}

/** What a write stores, beside its times. */
interface NextRecord extends MemoryPlacement {
  readonly data: unknown;
  readonly writeId: string | undefined;
  readonly embeddings?: string[];
}

/** @throws VaultError `invalid_request` for too many numbers */
const vectorsOf = ({ embeddings }: AddMemoryRequest): { embeddings?: string[] } =>
  embeddings === undefined ? {} : { embeddings: encodeEmbeddings(embeddings) };

/** @throws VaultError `invalid_request` */
const sealRecord = (umk: Umk, id: string, version: number, content: MemoryContent): StoredRecord => ({
  ...{ collection: 'memory' as const, id, version },
  ...indexAttributes(umk, content),
  data: encryptMemory(umk, id, version, content),
});

const needsUpsertError = () =>
  new VaultError('invalid_request', { errors: [{ path: 'upsert', message: 'is required for ifVersion and writeId' }] });

const toRecordInfo = ({ id, version }: StoredRecord, { createdAt, updatedAt }: MemoryContent): RecordInfo => ({
  id,
  version,
  createdAt,
  updatedAt,
});

/** Whether the stored record is the result of an earlier attempt of this write. @throws VaultError `write_id_reused` */
function isRetryOf({ stored, content }: LiveRecord, wanted: unknown, writeId: string | undefined) {
  if (writeId === undefined || stored.writeId !== writeId) return false;
  if (!isDeepStrictEqual(content.data, wanted)) throw new VaultError('write_id_reused');
  return true;
}

/** Opens a record that has not expired. @throws DecryptionError */
function openLive(umk: Umk, stored: StoredRecord | undefined, now: Date): LiveRecord | undefined {
  if (stored === undefined) return undefined;
  const content = decryptMemory(umk, stored);
  return hasPassed(content.expiresAt, now) ? undefined : { stored, content };
}

const writeContentionError = () => new VaultError('write_contention', { detail: 'Nothing was stored.' });
