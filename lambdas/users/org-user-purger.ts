/**
 * Deletes the users of a shredded org: first their keyrings, without which none of their data opens for anyone, then what leads to
 * those, then their records. From the tombstone on every request of a user is refused, as it reads that in the same round trip as the user's
 * keyring. A request that was let in before may still store a new user's keyring: what would open by it, no request stores any more, and the
 * workflow deletes once more when no such request can be running.
 */
import type { ShredReceipt } from '../../core/shredding/receipt-statements.ts';
import type { UserItemStore } from './user-ports.ts';

/** Items that are read, and then deleted, at once. */
const deleteBatchSize = 250;
/** Lists of keyrings for each list of other items: what opens goes first. */
const keyringBatchesPerBatch = 4;
const countLimit = 1000;

/** What the ids of keyrings begin with, before a slash (docs/format.md, section 12). */
const keyringIdPrefix = 'user';

export class OrgUserPurger {
  readonly #keyrings: UserItemStore;
  readonly #records: UserItemStore;

  /** @param keyrings of the table of user keyrings. @param records of the table of user records */
  constructor(keyrings: UserItemStore, records: UserItemStore) {
    this.#keyrings = keyrings;
    this.#records = records;
  }

  /**
   * Deletes some; false when there is more to do. Repeated or interrupted, it goes on with what is left.
   * @param maxBatches of 250 items that it may take of each kind, of keyrings four times as many
   * @throws VaultError `unavailable`
   */
  async purge(org: string, maxBatches: number): Promise<boolean> {
    if (!(await deleteBatches(this.#keyrings, org, keyringIdPrefix, maxBatches * keyringBatchesPerBatch))) return false;
    const others = await deleteBatches(this.#keyrings, org, undefined, maxBatches);
    const records = await deleteBatches(this.#records, org, undefined, maxBatches);
    return others && records;
  }

  /** What is still there. @throws VaultError `unavailable` */
  async countRemaining(org: string): Promise<NonNullable<ShredReceipt['users']>> {
    const keyrings = await this.#keyrings.list(org, keyringIdPrefix, countLimit);
    const records = await this.#records.list(org, undefined, countLimit);
    return {
      keyrings: keyrings.items.length,
      records: records.items.length,
      complete: !keyrings.more && !records.more,
    };
  }
}

async function deleteBatches(
  store: UserItemStore,
  org: string,
  start: string | undefined,
  maxBatches: number,
): Promise<boolean> {
  for (let batch = 0; batch < maxBatches; batch++) {
    const { items, more } = await store.list(org, start, deleteBatchSize);
    if (items.length > 0) await store.delete(org, items);
    if (!more) return true;
  }
  return false;
}
