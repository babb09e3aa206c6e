/**
 * Deletes the remaining data of a deleted user. All of it is ciphertext without a key, because the slots were deleted
 * first.
 */
import { randomBytes } from 'node:crypto';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { JobProducer } from '../jobs/job-producer.ts';
import type { Clock } from '../shared/ports.ts';
import { parseUserRecordOrCorrupt } from './corrupt-user-keyring.ts';
import { releaseLocator, type SlotLocator } from './locator-release.ts';
import type { PurgeUserJobPayload } from './purge-user-job.ts';
import type { LocatorStore, UserItemStore, UserKeyringStore } from './user-ports.ts';

/** Items per batch. */
const batchSize = 100;

export interface DeletedUserPurgerDeps {
  readonly keyrings: Pick<UserKeyringStore, 'getRecord'>;
  readonly locatorStore: LocatorStore;
  /** The tables with items of users. Those whose items open others come first. */
  readonly userItems: readonly UserItemStore[];
  readonly jobProducer: Pick<JobProducer, 'send'>;
  readonly clock: Clock;
}

export class DeletedUserPurger {
  readonly #deps: DeletedUserPurgerDeps;

  constructor(deps: DeletedUserPurgerDeps) {
    this.#deps = deps;
  }

  /**
   * Releases the locators of the user and deletes items until none are left. If time runs out, a new job continues.
   * @returns false if the user is not deleted; nothing is deleted then, so that a forged job gains nothing
   */
  async purge(owner: UserRef, slotLocators: readonly SlotLocator[], isOutOfTime: () => boolean): Promise<boolean> {
    const { keyrings, locatorStore, userItems, jobProducer, clock } = this.#deps;
    const keyring = await keyrings.getRecord(owner);
    // If there is no record of the user, the organization was shredded.
    if (keyring !== undefined && parseUserRecordOrCorrupt(keyring, owner).state !== 'deleted') return false;
    for (const one of slotLocators) await releaseLocator(locatorStore, owner, one, clock());
    for (;;) {
      const items = await deleteSome(userItems, owner);
      if (items === 0) return true;
      if (!isOutOfTime()) continue;
      const id = createTimeId(clock().getTime(), randomBytes(16));
      const job: PurgeUserJobPayload = { kind: 'erase', user: owner.user, locators: [] };
      await jobProducer.send(owner.org, id, job, owner.user);
      return true;
    }
  }
}

/** Deletes up to a batch of items from the first table that has any. @returns their number */
async function deleteSome(stores: readonly UserItemStore[], { org, user }: UserRef): Promise<number> {
  for (const store of stores) {
    const { items } = await store.list(org, user, batchSize);
    if (items.length === 0) continue;
    await store.delete(org, items);
    return items.length;
  }
  return 0;
}
