/** Deletes what a deleted user left. All of it is ciphertext that nothing opens any more: its slots went first. */
import { randomBytes } from 'node:crypto';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { JobProducer } from '../jobs/job-producer.ts';
import type { Clock } from '../shared/ports.ts';
import { parseUserRecordOrCorrupt } from './corrupt-user-keyring.ts';
import { releaseLocator, type SlotLocator } from './locator-release.ts';
import type { PurgeUserJobPayload } from './purge-user-job.ts';
import type { LocatorStore, UserItemStore, UserKeyringStore } from './user-ports.ts';

/** Items of one turn. */
const batchSize = 100;

export interface DeletedUserPurgerDeps {
  readonly keyrings: Pick<UserKeyringStore, 'getRecord'>;
  readonly locatorStore: LocatorStore;
  readonly userItems: UserItemStore;
  readonly jobProducer: Pick<JobProducer, 'send'>;
  readonly clock: Clock;
}

export class DeletedUserPurger {
  readonly #deps: DeletedUserPurgerDeps;

  constructor(deps: DeletedUserPurgerDeps) {
    this.#deps = deps;
  }

  /**
   * Lets go what leads to the user, and deletes until nothing is left; what is left when it has had enough is another job's.
   * @returns false, and nothing is deleted, for a user that is not deleted: whoever could forge a job must gain nothing by it
   */
  async purge(owner: UserRef, slotLocators: readonly SlotLocator[], isOutOfTime: () => boolean): Promise<boolean> {
    const { keyrings, locatorStore, userItems, jobProducer, clock } = this.#deps;
    const keyring = await keyrings.getRecord(owner);
    // Without any record of the user its org was shredded.
    if (keyring !== undefined && parseUserRecordOrCorrupt(keyring, owner).state !== 'deleted') return false;
    for (const one of slotLocators) await releaseLocator(locatorStore, owner, one, clock());
    for (;;) {
      const { items } = await userItems.list(owner.org, owner.user, batchSize);
      if (items.length === 0) return true;
      await userItems.delete(owner.org, items);
      if (!isOutOfTime()) continue;
      const id = createTimeId(clock().getTime(), randomBytes(16));
      const job: PurgeUserJobPayload = { kind: 'erase', user: owner.user, locators: [] };
      await jobProducer.send(owner.org, id, job, owner.user);
      return true;
    }
  }
}
