/**
 * Deletes the users of a shredded org: first their keyrings, without which none of their data opens for anyone, then what leads to
 * those, then their records. From the tombstone on every request of a user is refused, as it reads that in the same round trip as the user's
 * keyring. A request that was let in before may still store a new user's keyring: what would open by it, no request stores any more, and the
 * workflow deletes once more when no such request can be running.
 */
import type { ShredReceipt } from '../../core/shredding/receipt-statements.ts';
import type { UserEraser } from './user-ports.ts';

/** Items that are read, and then deleted, at once. */
const itemsRead = 250;
/** Lists of keyrings for each list of other items: what opens goes first. */
const keyringLists = 4;
const itemsCounted = 1000;

/** What the ids of keyrings begin with, before a slash (docs/format.md, section 12). */
const keyringsStart = 'user';

export class UserErasing {
  readonly #keyrings: UserEraser;
  readonly #records: UserEraser;

  /** @param keyrings of the table of user keyrings. @param records of the table of user records */
  constructor(keyrings: UserEraser, records: UserEraser) {
    this.#keyrings = keyrings;
    this.#records = records;
  }

  /**
   * Deletes some; false when there is more to do. Repeated or interrupted, it goes on with what is left.
   * @param lists of 250 items that it may take of each kind, of keyrings four times as many
   * @throws VaultError `unavailable`
   */
  async erase(org: string, lists: number): Promise<boolean> {
    if (!(await eraseAll(this.#keyrings, org, keyringsStart, lists * keyringLists))) return false;
    const others = await eraseAll(this.#keyrings, org, undefined, lists);
    const records = await eraseAll(this.#records, org, undefined, lists);
    return others && records;
  }

  /** What is still there. @throws VaultError `unavailable` */
  async count(org: string): Promise<NonNullable<ShredReceipt['users']>> {
    const keyrings = await this.#keyrings.list(org, keyringsStart, itemsCounted);
    const records = await this.#records.list(org, undefined, itemsCounted);
    return {
      keyrings: keyrings.items.length,
      records: records.items.length,
      complete: !keyrings.more && !records.more,
    };
  }
}

async function eraseAll(from: UserEraser, org: string, start: string | undefined, lists: number): Promise<boolean> {
  for (let list = 0; list < lists; list++) {
    const { items, more } = await from.list(org, start, itemsRead);
    if (items.length > 0) await from.delete(org, items);
    if (!more) return true;
  }
  return false;
}
