/** Pages of a user's records: fetched, opened while the user is still there, and continued by a cursor. */
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { decodeCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Page } from '../shared/ports.ts';
import { readWithinMaxAge } from './read-freshness.ts';
import type { UnlockedUser } from './unlocked-user.ts';
import type { Collection, StoredRecord, UserReader, UserRecordStore } from './user-ports.ts';
import { assertAccessNotRevoked, canBeStoredId } from './user-record-encryption.ts';

/** What a cursor continues: pages of a collection, or a search. */
export type ListName = Collection | 'search';

export interface PageRequest {
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

/** What was opened of a page, in its order. */
export interface DecryptedPage<Item> {
  readonly items: Item[];
  /** Ids of what could not be opened: it is told, for a reader must neither miss it nor be stopped by it for ever. */
  readonly damaged: string[];
  readonly decryptedCount: number;
  /** Id of the last one that was looked at. */
  readonly lastId: string | undefined;
  /** Whether the reply had no room for the next one. */
  readonly isReplyFull: boolean;
}

/** Bytes that a reply has left. */
export interface ReplyBudget {
  left: number;
}

export class UserRecordPager {
  readonly #reader: UserReader;
  readonly #records: Pick<UserRecordStore, 'list'>;

  constructor(reader: UserReader, records: Pick<UserRecordStore, 'list'>) {
    this.#reader = reader;
    this.#records = records;
  }

  /** One page of a collection. @throws VaultError `invalid_cursor`, `unavailable`, those of {@link assertAccessNotRevoked} */
  async listPage<Item>(
    user: UnlockedUser,
    collection: Collection,
    { cursor, limit = limits.pageSize }: PageRequest,
    open: (stored: StoredRecord) => Item,
  ): Promise<{ items: Item[]; damaged?: string[]; cursor?: string }> {
    const after = this.decodeCursor(user, collection, cursor);
    const page = await this.readPage(user, collection, after, limit);
    const part = decryptWithinBudget(page.items, { left: limits.recordReplyBytes }, open);
    const isOver = !part.isReplyFull && !page.more;
    const next = isOver ? undefined : this.encodeCursor(user, collection, part.lastId ?? after);
    return { items: part.items, ...damagedAndCursor(part.damaged, next) };
  }

  /**
   * Fetches a page, and only then asks whether the user is still there, so that nothing is opened that was deleted or revoked before. Its
   * caller opens what it gave without waiting for anything in between (read-freshness.ts).
   */
  async readPage(
    user: UnlockedUser,
    collection: Collection,
    after: string | undefined,
    limit: number,
  ): Promise<Page<StoredRecord>> {
    const page = await this.#records.list(user.owner, collection, after, limit);
    if (page.items.length > 0)
      assertAccessNotRevoked(user, await readWithinMaxAge(() => this.#reader.read(user.owner, [])));
    return page;
  }

  decodeCursor({ owner }: UnlockedUser, list: ListName, cursor: string | undefined): string | undefined {
    if (cursor === undefined) return undefined;
    const after = decodeCursor(cursor, [owner.org, list, owner.user]);
    // Any id that may be in the table: a list must get past what somebody put there.
    if (!canBeStoredId(after)) throw new VaultError('invalid_cursor');
    return after;
  }

  encodeCursor({ owner }: UnlockedUser, list: ListName, last: string | undefined): string | undefined {
    return last === undefined ? undefined : encodeCursor([owner.org, list, owner.user], last);
  }
}

/** Opens records until one does not fit into the room that is left; those for which `open` gives nothing take none. */
export function decryptWithinBudget<Item>(
  records: readonly StoredRecord[],
  replyBudget: ReplyBudget,
  decrypt: (stored: StoredRecord) => Item | undefined,
): DecryptedPage<Item> {
  const items: Item[] = [];
  const damaged: string[] = [];
  let decryptedCount = 0;
  let last: string | undefined;
  for (const stored of records) {
    const item = decryptOrCorrupt(() => decrypt(stored));
    if (item === corrupt) damaged.push(stored.id);
    else if (item !== undefined) {
      // Twice, since Lambda's reply holds the body as a JSON string: a quote takes four bytes there.
      const bytes = Buffer.byteLength(JSON.stringify(JSON.stringify(item)), 'utf8');
      // The first always fits: it is far smaller than a reply.
      if (bytes > replyBudget.left)
        return { items, damaged, decryptedCount: decryptedCount, lastId: last, isReplyFull: true };
      replyBudget.left -= bytes;
      items.push(item);
    }
    if (item !== corrupt) decryptedCount++;
    last = stored.id;
  }
  return { items, damaged, decryptedCount: decryptedCount, lastId: last, isReplyFull: false };
}

const corrupt = Symbol('damaged');

function decryptOrCorrupt<Item>(decrypt: () => Item): Item | typeof corrupt {
  try {
    return decrypt();
  } catch (error) {
    if (error instanceof DecryptionError) return corrupt;
    throw error;
  }
}

export const damagedAndCursor = (damaged: string[], cursor: string | undefined) => ({
  ...(damaged.length === 0 ? {} : { damaged }),
  ...(cursor === undefined ? {} : { cursor }),
});
