/** Reads a user's memory: by ID, by page, and by content. Only the decrypted records can be searched. */

import type {
  ListMemoryResponse,
  MemoryRecord,
  SearchMemoryRequest,
  SearchMemoryResponse,
} from '../../contract/memory/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { Umk } from '../../core/users/user-root-key.ts';
import type { Clock } from '../shared/ports.ts';
import { hasPassed } from '../shared/timestamps.ts';
import type { UnlockedUser } from '../users/unlocked-user.ts';
import type { StoredRecord } from '../users/user-ports.ts';
import { decryptMemory, type MemoryContent } from '../users/user-record-encryption.ts';
import {
  damagedAndCursor,
  decryptWithinBudget,
  type PageRequest,
  type UserRecordPager,
} from '../users/user-record-pager.ts';
import { foundRecordsOf } from './found-records.ts';
import { similarityTo } from './record-embeddings.ts';
import { matcherOf, requestedId, requiredTags } from './record-placement.ts';

/** Milliseconds after which a search ends with the current page and leaves the rest to the next request. */
const searchTimeMs = 4_000;
/** Records per page of a search. */
const searchPageSize = 250;

/** What an opened record must meet. */
interface Conditions {
  readonly matches?: (content: MemoryContent) => boolean;
  /** Its similarity; undefined if it has no vector to compare. */
  readonly similarity?: ((embeddings: readonly string[]) => number | undefined) | undefined;
  /** The least similarity. */
  readonly least?: number | undefined;
}

/** @throws VaultError `invalid_request` */
const conditionsOf = (request: SearchMemoryRequest): Conditions => ({
  matches: matcherOf(request),
  ...(request.near === undefined
    ? {}
    : { similarity: similarityTo(request.near.vector), least: request.near.minSimilarity }),
});

export class MemoryReader {
  readonly #pages: UserRecordPager;
  readonly #clock: Clock;

  constructor(pages: UserRecordPager, clock: Clock) {
    this.#pages = pages;
    this.#clock = clock;
  }

  /** @param user unlocked with the same read as the record @throws VaultError `record_not_found`; DecryptionError */
  get({ umk, records }: UnlockedUser, id: string): MemoryRecord {
    const stored = records.get(id);
    const record = stored === undefined ? undefined : this.#open(umk, stored);
    if (record === undefined) throw new VaultError('record_not_found');
    return record;
  }

  /**
   * One page, ascending by ID.
   * @throws VaultError `invalid_cursor`, `unavailable`, and those of assertAccessNotRevoked
   */
  async list(user: UnlockedUser, request: PageRequest): Promise<ListMemoryResponse> {
    const { items, ...optionalPageFields } = await this.#pages.listPage(user, 'memory', request, (stored) =>
      this.#open(user.umk, stored),
    );
    return { records: items, ...optionalPageFields };
  }

  /**
   * Decrypts records one after the other, as many as the time and size limits of a request allow, and returns those
   * that meet all conditions. With a namespace or a filter, only records with the tags of these are decrypted.
   * @throws as {@link list}; VaultError `invalid_request`
   */
  async search(user: UnlockedUser, request: SearchMemoryRequest): Promise<SearchMemoryResponse> {
    const conditions = conditionsOf(request);
    const open = (stored: StoredRecord) => this.#open(user.umk, stored, conditions);
    const id = requestedId(user.umk, { key: request.key, namespace: request.namespace });
    if (id !== undefined) return await this.#findOne(user, id, open);
    const found = foundRecordsOf(request);
    const tags = requiredTags(user.umk, request);
    const deadline = this.#clock().getTime() + searchTimeMs;
    const damaged: string[] = [];
    let searched = 0;
    let lastId = this.#pages.decodeCursor(user, 'search', request.cursor);
    for (;;) {
      const remaining = limits.searchedRecords - searched - damaged.length;
      const page = await this.#readPage(user, lastId, tags, Math.min(searchPageSize, remaining));
      const decrypted = found.take(page.items.slice(0, remaining), open);
      damaged.push(...decrypted.damaged);
      searched += decrypted.decryptedCount;
      const isPageLeft = decrypted.isReplyFull || page.items.length > remaining;
      lastId = (isPageLeft ? decrypted.lastId : (page.lastId ?? decrypted.lastId)) ?? lastId;
      const isOver = !isPageLeft && !page.more;
      const mustEnd =
        searched + damaged.length >= limits.searchedRecords || found.isComplete || this.#clock().getTime() >= deadline;
      if (isOver || isPageLeft || mustEnd) {
        return {
          records: found.records,
          searched,
          ...damagedAndCursor(damaged, isOver ? undefined : this.#pages.encodeCursor(user, 'search', lastId)),
        };
      }
    }
  }

  async #readPage(user: UnlockedUser, after: string | undefined, tags: readonly string[], limit: number) {
    if (tags.length > 0) return await this.#pages.readTaggedPage(user, 'memory', after, tags);
    return { ...(await this.#pages.readPage(user, 'memory', after, limit)), lastId: undefined };
  }

  async #findOne(
    user: UnlockedUser,
    id: string,
    open: (stored: StoredRecord) => MemoryRecord | undefined,
  ): Promise<SearchMemoryResponse> {
    const stored = await this.#pages.readRecord(user, { collection: 'memory', id });
    const replyBudget = { left: limits.recordReplyBytes };
    const { items, damaged, decryptedCount } = decryptWithinBudget(
      stored === undefined ? [] : [stored],
      replyBudget,
      open,
    );
    return { records: items, searched: decryptedCount, ...damagedAndCursor(damaged, undefined) };
  }

  /** Undefined for a record that has expired or does not match. Vectors are not returned. @throws DecryptionError */
  #open(umk: Umk, stored: StoredRecord, { matches, similarity, least }: Conditions = {}): MemoryRecord | undefined {
    const { embeddings = [], ...content } = decryptMemory(umk, stored);
    if (hasPassed(content.expiresAt, this.#clock()) || matches?.(content) === false) return undefined;
    const record = { id: stored.id, version: stored.version, ...content };
    if (similarity === undefined) return record;
    const measured = similarity(embeddings);
    if (measured === undefined || (least !== undefined && measured < least)) return undefined;
    return { ...record, similarity: measured };
  }
}
