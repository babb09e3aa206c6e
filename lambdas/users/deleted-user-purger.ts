/** Deletes what a deleted user left. All of it is ciphertext that nothing opens any more: its slots went first. */
import { randomBytes } from 'node:crypto';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { JobSender } from '../jobs/job-producer.ts';
import type { Clock } from '../shared/ports.ts';
import { userOrDamage } from './corrupt-user-keyring.ts';
import type { EraseJob } from './erase-job.ts';
import { type Leading, release } from './locator-release.ts';
import type { LocatorStore, UserEraser, UserKeyringStore } from './user-ports.ts';

/** Items of one turn. */
const batch = 100;

export interface ErasingParts {
  readonly keyrings: Pick<UserKeyringStore, 'stored'>;
  readonly locators: LocatorStore;
  readonly eraser: UserEraser;
  readonly jobs: Pick<JobSender, 'send'>;
  readonly clock: Clock;
}

export class Erasing {
  readonly #parts: ErasingParts;

  constructor(parts: ErasingParts) {
    this.#parts = parts;
  }

  /**
   * Lets go what leads to the user, and deletes until nothing is left; what is left when it has had enough is another job's.
   * @returns false, and nothing is deleted, for a user that is not deleted: whoever could forge a job must gain nothing by it
   */
  async erase(owner: UserRef, leading: readonly Leading[], enough: () => boolean): Promise<boolean> {
    const { keyrings, locators, eraser, jobs, clock } = this.#parts;
    const keyring = await keyrings.stored(owner);
    // Without any record of the user its org was shredded.
    if (keyring !== undefined && userOrDamage(keyring, owner).state !== 'deleted') return false;
    for (const one of leading) await release(locators, owner, one, clock());
    for (;;) {
      const { items } = await eraser.list(owner.org, owner.user, batch);
      if (items.length === 0) return true;
      await eraser.delete(owner.org, items);
      if (!enough()) continue;
      const id = createTimeId(clock().getTime(), randomBytes(16));
      const job: EraseJob = { kind: 'erase', user: owner.user, locators: [] };
      await jobs.send(owner.org, id, job, owner.user);
      return true;
    }
  }
}
