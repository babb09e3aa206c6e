/** Reads a user's memory: by ID, by page, and by content. Only the decrypted records can be searched. */

import type { ListMemoryResponse, MemoryRecord, SearchMemoryResponse } from '../../contract/memory/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { Clock } from '../shared/ports.ts';
import type { UnlockedUser } from '../users/unlocked-user.ts';
import type { StoredRecord } from '../users/user-ports.ts';
import { decryptMemory } from '../users/user-record-encryption.ts';
import {
  damagedAndCursor,
  decryptWithinBudget,
  type PageRequest,
  type UserRecordPager,
} from '../users/user-record-pager.ts';
import { containsText, foldCase } from './memory-json.ts';

/** Milliseconds after which a search ends with the current page and leaves the rest to the next request. */
const searchTimeMs = 4_000;
/** Records per page of a search. */
const searchPageSize = 250;

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
    if (stored === undefined) throw new VaultError('record_not_found');
    return toMemoryRecord(stored, decryptMemory(umk, stored));
  }

  /**
   * One page, ascending by ID.
   * @throws VaultError `invalid_cursor`, `unavailable`, and those of assertAccessNotRevoked
   */
  async list(user: UnlockedUser, request: PageRequest): Promise<ListMemoryResponse> {
    const { items, ...optionalPageFields } = await this.#pages.listPage(user, 'memory', request, (stored) =>
      toMemoryRecord(stored, decryptMemory(user.umk, stored)),
    );
    return { records: items, ...optionalPageFields };
  }

  /**
   * Decrypts records one after the other, as many as the time and size limits of a request allow, and returns those
   * that contain the text.
   * @throws as {@link list}
   */
  async search(
    user: UnlockedUser,
    { text, cursor }: { readonly text: string; readonly cursor?: string | undefined },
  ): Promise<SearchMemoryResponse> {
    const deadline = this.#clock().getTime() + searchTimeMs;
    const foldedText = foldCase(text);
    const replyBudget = { left: limits.recordReplyBytes };
    const found: MemoryRecord[] = [];
    const damaged: string[] = [];
    let searched = 0;
    let lastId = this.#pages.decodeCursor(user, 'search', cursor);
    for (;;) {
      const remaining = limits.searchedRecords - searched - damaged.length;
      const page = await this.#pages.readPage(user, 'memory', lastId, Math.min(searchPageSize, remaining));
      const decrypted = decryptWithinBudget(page.items, replyBudget, (stored) => {
        const content = decryptMemory(user.umk, stored);
        return containsText(content.data, foldedText) ? toMemoryRecord(stored, content) : undefined;
      });
      found.push(...decrypted.items);
      damaged.push(...decrypted.damaged);
      searched += decrypted.decryptedCount;
      lastId = decrypted.lastId ?? lastId;
      const isOver = !decrypted.isReplyFull && !page.more;
      const mustEnd = searched + damaged.length >= limits.searchedRecords || this.#clock().getTime() >= deadline;
      if (isOver || decrypted.isReplyFull || mustEnd) {
        return {
          records: found,
          searched,
          ...damagedAndCursor(damaged, isOver ? undefined : this.#pages.encodeCursor(user, 'search', lastId)),
        };
      }
    }
  }
}

const toMemoryRecord = ({ id, version }: StoredRecord, content: ReturnType<typeof decryptMemory>): MemoryRecord => ({
  id,
  version,
  ...content,
});
