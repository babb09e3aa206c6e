/**
 * Deletes the users of a shredded organization. Keyrings are deleted first, because nobody can open user data without
 * them. Locators follow, then records, device vaults, mailboxes and the directory.
 * Once the tombstone of the organization is written, every user request is refused, because the request reads the
 * tombstone in the same round trip as the user's keyring. A request that was admitted before may still store the
 * keyring of a new user. No request stores data under that keyring any more, and the workflow deletes again once no
 * such request can be running.
 */
import type { ShredReceipt } from '../../core/shredding/receipt-statements.ts';
import type { UserItemStore } from './user-ports.ts';

/** Items per list and delete batch. */
const deleteBatchSize = 250;
/** Keyring batches per batch of other items. Keyrings take priority, because they open data. */
const keyringBatchesPerBatch = 4;
const countLimit = 1000;

/** Prefix of keyring ids, before the slash (docs/format.md, section 12). */
const keyringIdPrefix = 'user';

/** The tables with items of users. */
export interface UserTables {
  readonly keyrings: UserItemStore;
  readonly records: UserItemStore;
  /** Of device vaults: wrapped keys, and log entries. */
  readonly deviceRosters: UserItemStore;
  readonly deviceLogs: UserItemStore;
  /** Of session custody. */
  readonly mailboxes: UserItemStore;
  readonly directories: UserItemStore;
  /** Of the broker: hosts, counters and sealed access tokens. They belong to the org, and to no user. */
  readonly brokerRecords: UserItemStore;
  /** Questions of the broker to devices, and answers. They belong to the org too. */
  readonly approvals: UserItemStore;
  /** Requests for a secret, of the org too. */
  readonly secretRequests: UserItemStore;
}

export class OrgUserPurger {
  readonly #tables: UserTables;

  constructor(tables: UserTables) {
    this.#tables = tables;
  }

  /**
   * Deletes up to a limit of items and returns false if more remain. A repeated or interrupted purge continues with the
   * remaining items.
   * @param maxBatches maximum batches of 250 items for each kind of item; for keyrings, four times as many
   * @throws VaultError `unavailable`
   */
  async purge(org: string, maxBatches: number): Promise<boolean> {
    const { keyrings, ...others } = this.#tables;
    if (!(await deleteBatches(keyrings, org, keyringIdPrefix, maxBatches * keyringBatchesPerBatch))) return false;
    let isDone = true;
    for (const table of [keyrings, ...Object.values(others)]) {
      isDone = (await deleteBatches(table, org, undefined, maxBatches)) && isDone;
    }
    return isDone;
  }

  /** Counts the remaining items. @throws VaultError `unavailable` */
  async countRemaining(org: string): Promise<NonNullable<ShredReceipt['users']>> {
    const { keyrings, records, deviceRosters, deviceLogs, mailboxes, directories } = this.#tables;
    const { brokerRecords, approvals, secretRequests } = this.#tables;
    const counts = [
      await keyrings.list(org, keyringIdPrefix, countLimit),
      await records.list(org, undefined, countLimit),
      await deviceRosters.list(org, undefined, countLimit),
      await deviceLogs.list(org, undefined, countLimit),
      await mailboxes.list(org, undefined, countLimit),
      await directories.list(org, undefined, countLimit),
      await brokerRecords.list(org, undefined, 1),
      await approvals.list(org, undefined, 1),
      await secretRequests.list(org, undefined, 1),
    ] as const;
    return {
      keyrings: counts[0].items.length,
      records: counts[1].items.length,
      deviceRosters: counts[2].items.length,
      deviceEntries: counts[3].items.length,
      mailboxItems: counts[4].items.length,
      directoryItems: counts[5].items.length,
      complete: counts.every(({ more }) => !more) && counts.slice(6).every(({ items }) => items.length === 0),
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
