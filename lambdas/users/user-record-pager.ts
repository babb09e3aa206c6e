/** Pages of a user's records: fetches them, checks access, opens them, and continues with a cursor. */
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { decodeCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Page } from '../shared/ports.ts';
import { replyBytes } from '../shared/reply-bytes.ts';
import { readWithinMaxAge } from './read-freshness.ts';
import type { UnlockedUser } from './unlocked-user.ts';
import type {
  Collection,
  RecordKey,
  StoredRecord,
  TaggedRecordStore,
  UserReader,
  UserRecordStore,
} from './user-ports.ts';
import { assertAccessNotRevoked, canBeStoredId } from './user-record-encryption.ts';

/** The list that a cursor continues: a collection or a search. */
export type ListName = Collection | 'search';

export interface PageRequest {
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

/** Decrypted items of a page, in its order. */
export interface DecryptedPage<Item> {
  readonly items: Item[];
  /**
   * Ids of records that could not be opened. They are reported, so that a reader notices them and can continue past
   * them.
   */
  readonly damaged: string[];
  readonly decryptedCount: number;
  /** Id of the last record processed. */
  readonly lastId: string | undefined;
  /** Whether the next record did not fit in the reply. */
  readonly isReplyFull: boolean;
}

/** Bytes left in a reply. */
export interface ReplyBudget {
  left: number;
}

export class UserRecordPager {
  readonly #reader: UserReader;
  readonly #records: Pick<UserRecordStore, 'list'> & TaggedRecordStore;

  constructor(reader: UserReader, records: Pick<UserRecordStore, 'list'> & TaggedRecordStore) {
    this.#reader = reader;
    this.#records = records;
  }

  /**
   * Returns one page of a collection.
   * @throws VaultError `invalid_cursor`, `unavailable`, and errors of {@link assertAccessNotRevoked}
   */
  async listPage<Item>(
    user: UnlockedUser,
    collection: Collection,
    { cursor, limit = limits.pageSize }: PageRequest,
    open: (stored: StoredRecord) => Item | undefined,
  ): Promise<{ items: Item[]; damaged?: string[]; cursor?: string }> {
    const after = this.decodeCursor(user, collection, cursor);
    const page = await this.readPage(user, collection, after, limit);
    const part = decryptWithinBudget(page.items, { left: limits.recordReplyBytes }, open);
    const isOver = !part.isReplyFull && !page.more;
    const next = isOver ? undefined : this.encodeCursor(user, collection, part.lastId ?? after);
    return { items: part.items, ...damagedAndCursor(part.damaged, next) };
  }

  /**
   * Fetches a page and then checks that the user still has access, so that no data is opened that was deleted or
   * revoked before. The caller must open the result without awaiting anything first (read-freshness.ts).
   */
  async readPage(
    user: UnlockedUser,
    collection: Collection,
    after: string | undefined,
    limit: number,
  ): Promise<Page<StoredRecord>> {
    const page = await this.#records.list(user.owner, collection, after, limit);
    await this.#assertAccess(user, page.items);
    return page;
  }

  /** As {@link readPage}, of the records with all of these tags. */
  async readTaggedPage(user: UnlockedUser, collection: Collection, after: string | undefined, tags: readonly string[]) {
    const page = await this.#records.listTagged(user.owner, collection, tags, after);
    await this.#assertAccess(user, page.items);
    return page;
  }

  /** One record, with the same check as {@link readPage}. */
  async readRecord(user: UnlockedUser, key: RecordKey): Promise<StoredRecord | undefined> {
    const read = await readWithinMaxAge(() => this.#reader.read(user.owner, [key]));
    assertAccessNotRevoked(user, read);
    return read.records.get(key.id);
  }

  async #assertAccess(user: UnlockedUser, items: readonly StoredRecord[]): Promise<void> {
    if (items.length > 0) assertAccessNotRevoked(user, await readWithinMaxAge(() => this.#reader.read(user.owner, [])));
  }

  decodeCursor({ owner }: UnlockedUser, list: ListName, cursor: string | undefined): string | undefined {
    if (cursor === undefined) return undefined;
    const after = decodeCursor(cursor, [owner.org, list, owner.user]);
    // Accept any id that the table could contain: a list must continue past records that someone else put there.
    if (!canBeStoredId(after)) throw new VaultError('invalid_cursor');
    return after;
  }

  encodeCursor({ owner }: UnlockedUser, list: ListName, last: string | undefined): string | undefined {
    return last === undefined ? undefined : encodeCursor([owner.org, list, owner.user], last);
  }
}

/**
 * Opens records until one does not fit in the remaining budget. Records for which `decrypt` returns undefined use no
 * budget.
 * @param limit number of items at which the reply is full
 */
export function decryptWithinBudget<Item>(
  records: readonly StoredRecord[],
  replyBudget: ReplyBudget,
  decrypt: (stored: StoredRecord) => Item | undefined,
  limit = Number.POSITIVE_INFINITY,
): DecryptedPage<Item> {
  const items: Item[] = [];
  const damaged: string[] = [];
  let decryptedCount = 0;
  let last: string | undefined;
  for (const stored of records) {
    if (items.length >= limit) return { items, damaged, decryptedCount, lastId: last, isReplyFull: true };
    const item = decryptOrCorrupt(() => decrypt(stored));
    if (item === corrupt) damaged.push(stored.id);
    else if (item !== undefined) {
      const bytes = replyBytes(item);
      // The first record always fits, because it is far smaller than a reply.
      if (bytes > replyBudget.left) return { items, damaged, decryptedCount, lastId: last, isReplyFull: true };
      replyBudget.left -= bytes;
      items.push(item);
    }
    if (item !== corrupt) decryptedCount++;
    last = stored.id;
  }
  return { items, damaged, decryptedCount: decryptedCount, lastId: last, isReplyFull: false };
}

export const corrupt = Symbol('damaged');

/** The result of `decrypt`, or `corrupt` if it throws a DecryptionError. */
export function decryptOrCorrupt<Item>(decrypt: () => Item): Item | typeof corrupt {
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
