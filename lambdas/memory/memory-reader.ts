/** The rules of reading a user's records: by id, by pages, and by what is in them, which only the opened records tell. */
import { limits } from '../../contract/limits.ts';
import type {
  ListMemoryResponse,
  ListMessagesResponse,
  MemoryRecord,
  Message,
  SearchMemoryResponse,
} from '../../contract/user-wire.ts';
import { VaultError } from '../../contract/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { decodeCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Clock, Page } from '../shared/ports.ts';
import { readFresh } from '../users/read-freshness.ts';
import type { OpenUser } from '../users/unlocked-user.ts';
import type { Collection, StoredRecord, UserReader, UserRecordStore } from '../users/user-ports.ts';
import { mayBeStored, openMemory, openMessage, refuseEnded } from '../users/user-record-encryption.ts';
import { contains, folded } from './memory-json.ts';

/** After this a search ends with the page it is at, and leaves the rest to the next request. Milliseconds. */
const searchTime = 4_000;
/** Records of a page of a search. */
const searchPage = 250;

type List = 'memory' | 'search' | 'messages';

export interface PageRequest {
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

/** What was opened of a page, in its order. */
interface Opened<Item> {
  readonly items: Item[];
  /** Ids of what could not be opened: it is told, for a reader must neither miss it nor be stopped by it for ever. */
  readonly damaged: string[];
  readonly opened: number;
  /** Id of the last one that was looked at. */
  readonly last: string | undefined;
  /** Whether the reply had no room for the next one. */
  readonly full: boolean;
}

/** Bytes that a reply has left. */
interface Room {
  left: number;
}

export class MemoryReading {
  readonly #reader: UserReader;
  readonly #records: Pick<UserRecordStore, 'list'>;
  readonly #clock: Clock;

  constructor(reader: UserReader, records: Pick<UserRecordStore, 'list'>, clock: Clock) {
    this.#reader = reader;
    this.#records = records;
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
    const { items, ...rest } = await this.#list(user, 'memory', request, (stored) =>
      recordOf(stored, openMemory(user.umk, stored)),
    );
    return { records: items, ...rest };
  }

  /** One page of the conversation, oldest first. @throws as {@link list} */
  async messages(user: OpenUser, request: PageRequest): Promise<ListMessagesResponse> {
    const { items, ...rest } = await this.#list(user, 'messages', request, (stored): Message => {
      return { id: stored.id, ...openMessage(user.umk, stored) };
    });
    return { messages: items, ...rest };
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
    let at = this.#after(user, 'search', cursor);
    for (;;) {
      const left = limits.searchedRecords - searched - damaged.length;
      const page = await this.#page(user, 'memory', at, Math.min(searchPage, left));
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
        return { records: found, searched, ...rest(damaged, isOver ? undefined : this.#cursor(user, 'search', at)) };
      }
    }
  }

  async #list<Item>(
    user: OpenUser,
    collection: Collection,
    { cursor, limit = limits.pageSize }: PageRequest,
    open: (stored: StoredRecord) => Item,
  ): Promise<{ items: Item[]; damaged?: string[]; cursor?: string }> {
    const after = this.#after(user, collection, cursor);
    const page = await this.#page(user, collection, after, limit);
    const part = openAll(page.items, { left: limits.recordReplyBytes }, open);
    const isOver = !part.full && !page.more;
    const next = isOver ? undefined : this.#cursor(user, collection, part.last ?? after);
    return { items: part.items, ...rest(part.damaged, next) };
  }

  /**
   * Fetches a page, and only then asks whether the user is still there, so that nothing is opened that was deleted or revoked before. Its
   * caller opens what it gave without waiting for anything in between (fresh.ts).
   */
  async #page(
    user: OpenUser,
    collection: Collection,
    after: string | undefined,
    limit: number,
  ): Promise<Page<StoredRecord>> {
    const page = await this.#records.list(user.owner, collection, after, limit);
    if (page.items.length > 0) refuseEnded(user, await readFresh(() => this.#reader.read(user.owner, [])));
    return page;
  }

  #after({ owner }: OpenUser, list: List, cursor: string | undefined): string | undefined {
    if (cursor === undefined) return undefined;
    const after = decodeCursor(cursor, [owner.org, list, owner.user]);
    // Any id that may be in the table: a list must get past what somebody put there.
    if (!mayBeStored(after)) throw new VaultError('invalid_cursor');
    return after;
  }

  #cursor({ owner }: OpenUser, list: List, last: string | undefined): string | undefined {
    return last === undefined ? undefined : encodeCursor([owner.org, list, owner.user], last);
  }
}

/** Opens records until one does not fit into the room that is left; those for which `open` gives nothing take none. */
function openAll<Item>(
  records: readonly StoredRecord[],
  room: Room,
  open: (stored: StoredRecord) => Item | undefined,
): Opened<Item> {
  const items: Item[] = [];
  const damaged: string[] = [];
  let opened = 0;
  let last: string | undefined;
  for (const stored of records) {
    const item = orDamaged(() => open(stored));
    if (item === isDamaged) damaged.push(stored.id);
    else if (item !== undefined) {
      // Twice, since Lambda's reply holds the body as a JSON string: a quote takes four bytes there.
      const bytes = Buffer.byteLength(JSON.stringify(JSON.stringify(item)), 'utf8');
      // The first always fits: it is far smaller than a reply.
      if (bytes > room.left) return { items, damaged, opened, last, full: true };
      room.left -= bytes;
      items.push(item);
    }
    if (item !== isDamaged) opened++;
    last = stored.id;
  }
  return { items, damaged, opened, last, full: false };
}

const isDamaged = Symbol('damaged');

function orDamaged<Item>(open: () => Item): Item | typeof isDamaged {
  try {
    return open();
  } catch (error) {
    if (error instanceof DecryptionError) return isDamaged;
    throw error;
  }
}

const rest = (damaged: string[], cursor: string | undefined) => ({
  ...(damaged.length === 0 ? {} : { damaged }),
  ...(cursor === undefined ? {} : { cursor }),
});

const recordOf = ({ id, version }: StoredRecord, content: ReturnType<typeof openMemory>): MemoryRecord => ({
  id,
  version,
  ...content,
});
