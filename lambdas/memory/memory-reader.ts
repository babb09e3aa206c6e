/** The rules of reading a user's records: by id, by pages, and by what is in them, which only the opened records tell. */

import type { ListMemoryResponse, MemoryRecord, SearchMemoryResponse } from '../../contract/memory/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { Clock } from '../shared/ports.ts';
import type { OpenUser } from '../users/unlocked-user.ts';
import type { StoredRecord } from '../users/user-ports.ts';
import { openMemory } from '../users/user-record-encryption.ts';
import { damagedAndCursor, openAll, type PageRequest, type UserRecordPages } from '../users/user-record-pages.ts';
import { contains, folded } from './memory-json.ts';

/** After this a search ends with the page it is at, and leaves the rest to the next request. Milliseconds. */
const searchTime = 4_000;
/** Records of a page of a search. */
const searchPage = 250;

export class MemoryReading {
  readonly #pages: UserRecordPages;
  readonly #clock: Clock;

  constructor(pages: UserRecordPages, clock: Clock) {
    this.#pages = pages;
    this.#clock = clock;
  }

  /** @param user opened together with the record. @throws VaultError `record_not_found`; DecryptionError */
  get({ umk, records }: OpenUser, id: string): MemoryRecord {
    const stored = records.get(id);
    if (stored === undefined) throw new VaultError('record_not_found');
    return recordOf(stored, openMemory(umk, stored));
  }

  /** One page, ascending by id. @throws VaultError `invalid_cursor`, `unavailable`, those of {@link refuseEnded} */
  async list(user: OpenUser, request: PageRequest): Promise<ListMemoryResponse> {
    const { items, ...rest } = await this.#pages.list(user, 'memory', request, (stored) =>
      recordOf(stored, openMemory(user.umk, stored)),
    );
    return { records: items, ...rest };
  }

  /**
   * Opens records one after the other, as many as a request has time and room for, and returns those that contain the text.
   * @throws as {@link list}
   */
  async search(
    user: OpenUser,
    { text, cursor }: { readonly text: string; readonly cursor?: string | undefined },
  ): Promise<SearchMemoryResponse> {
    const end = this.#clock().getTime() + searchTime;
    const wanted = folded(text);
    const room = { left: limits.recordReplyBytes };
    const found: MemoryRecord[] = [];
    const damaged: string[] = [];
    let searched = 0;
    let at = this.#pages.after(user, 'search', cursor);
    for (;;) {
      const left = limits.searchedRecords - searched - damaged.length;
      const page = await this.#pages.page(user, 'memory', at, Math.min(searchPage, left));
      const part = openAll(page.items, room, (stored) => {
        const content = openMemory(user.umk, stored);
        return contains(content.data, wanted) ? recordOf(stored, content) : undefined;
      });
      found.push(...part.items);
      damaged.push(...part.damaged);
      searched += part.opened;
      at = part.last ?? at;
      const isOver = !part.full && !page.more;
      const mustEnd = searched + damaged.length >= limits.searchedRecords || this.#clock().getTime() >= end;
      if (isOver || part.full || mustEnd) {
        return {
          records: found,
          searched,
          ...damagedAndCursor(damaged, isOver ? undefined : this.#pages.cursor(user, 'search', at)),
        };
      }
    }
  }
}

const recordOf = ({ id, version }: StoredRecord, content: ReturnType<typeof openMemory>): MemoryRecord => ({
  id,
  version,
  ...content,
});
