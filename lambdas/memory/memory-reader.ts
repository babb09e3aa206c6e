/** The rules of reading a user's records: by id, by pages, and by what is in them, which only the opened records tell. */

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

/** After this a search ends with the page it is at, and leaves the rest to the next request. Milliseconds. */
const searchTimeMs = 4_000;
/** Records of a page of a search. */
const searchPageSize = 250;

export class MemoryReader {
  readonly #pages: UserRecordPager;
  readonly #clock: Clock;

  constructor(pages: UserRecordPager, clock: Clock) {
    this.#pages = pages;
    this.#clock = clock;
  }

  /** @param user opened together with the record. @throws VaultError `record_not_found`; DecryptionError */
  get({ umk, records }: UnlockedUser, id: string): MemoryRecord {
    const stored = records.get(id);
    if (stored === undefined) throw new VaultError('record_not_found');
    return toMemoryRecord(stored, decryptMemory(umk, stored));
  }

  /** One page, ascending by id. @throws VaultError `invalid_cursor`, `unavailable`, those of {@link refuseEnded} */
  async list(user: UnlockedUser, request: PageRequest): Promise<ListMemoryResponse> {
    const { items, ...optionalPageFields } = await this.#pages.listPage(user, 'memory', request, (stored) =>
      toMemoryRecord(stored, decryptMemory(user.umk, stored)),
    );
    return { records: items, ...optionalPageFields };
  }

  /**
   * Opens records one after the other, as many as a request has time and room for, and returns those that contain the text.
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
