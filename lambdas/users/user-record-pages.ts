/** Pages of a user's records: fetched, opened while the user is still there, and continued by a cursor. */
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { decodeCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Page } from '../shared/ports.ts';
import { readFresh } from './read-freshness.ts';
import type { OpenUser } from './unlocked-user.ts';
import type { Collection, StoredRecord, UserReader, UserRecordStore } from './user-ports.ts';
import { mayBeStored, refuseEnded } from './user-record-encryption.ts';

/** What a cursor continues: pages of a collection, or a search. */
export type ListName = Collection | 'search';

export interface PageRequest {
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

/** What was opened of a page, in its order. */
export interface OpenedRecords<Item> {
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
export interface ReplySpace {
  left: number;
}

export class UserRecordPages {
  readonly #reader: UserReader;
  readonly #records: Pick<UserRecordStore, 'list'>;

  constructor(reader: UserReader, records: Pick<UserRecordStore, 'list'>) {
    this.#reader = reader;
    this.#records = records;
  }

  /** One page of a collection. @throws VaultError `invalid_cursor`, `unavailable`, those of {@link refuseEnded} */
  async list<Item>(
    user: OpenUser,
    collection: Collection,
    { cursor, limit = limits.pageSize }: PageRequest,
    open: (stored: StoredRecord) => Item,
  ): Promise<{ items: Item[]; damaged?: string[]; cursor?: string }> {
    const after = this.after(user, collection, cursor);
    const page = await this.page(user, collection, after, limit);
    const part = openAll(page.items, { left: limits.recordReplyBytes }, open);
    const isOver = !part.full && !page.more;
    const next = isOver ? undefined : this.cursor(user, collection, part.last ?? after);
    return { items: part.items, ...damagedAndCursor(part.damaged, next) };
  }

  /**
   * Fetches a page, and only then asks whether the user is still there, so that nothing is opened that was deleted or revoked before. Its
   * caller opens what it gave without waiting for anything in between (read-freshness.ts).
   */
  async page(
    user: OpenUser,
    collection: Collection,
    after: string | undefined,
    limit: number,
  ): Promise<Page<StoredRecord>> {
    const page = await this.#records.list(user.owner, collection, after, limit);
    if (page.items.length > 0) refuseEnded(user, await readFresh(() => this.#reader.read(user.owner, [])));
    return page;
  }

  after({ owner }: OpenUser, list: ListName, cursor: string | undefined): string | undefined {
    if (cursor === undefined) return undefined;
    const after = decodeCursor(cursor, [owner.org, list, owner.user]);
    // Any id that may be in the table: a list must get past what somebody put there.
    if (!mayBeStored(after)) throw new VaultError('invalid_cursor');
    return after;
  }

  cursor({ owner }: OpenUser, list: ListName, last: string | undefined): string | undefined {
    return last === undefined ? undefined : encodeCursor([owner.org, list, owner.user], last);
  }
}

/** Opens records until one does not fit into the room that is left; those for which `open` gives nothing take none. */
export function openAll<Item>(
  records: readonly StoredRecord[],
  room: ReplySpace,
  open: (stored: StoredRecord) => Item | undefined,
): OpenedRecords<Item> {
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

export const damagedAndCursor = (damaged: string[], cursor: string | undefined) => ({
  ...(damaged.length === 0 ? {} : { damaged }),
  ...(cursor === undefined ? {} : { cursor }),
});
