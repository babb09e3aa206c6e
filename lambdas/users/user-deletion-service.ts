/** The end of a user: by itself, by a message, or by its org. */
import { randomBytes } from 'node:crypto';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { DeletedResponse } from '../../contract/users/wire.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { createUserTombstone, type UserTombstone } from '../../core/users/user-keyring.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { JobSender } from '../jobs/job-producer.ts';
import type { Clock } from '../shared/ports.ts';
import { userOrDamage } from './corrupt-user-keyring.ts';
import type { EraseJob } from './erase-job.ts';
import { isFound, type Leading, release } from './locator-release.ts';
import { deletionPause } from './read-freshness.ts';
import type { LocatorStore, UserKeyringStore } from './user-ports.ts';

const tries = 10;

/** A user as a deletion leaves it. */
interface Destroyed {
  readonly deletedAt: string;
  /** False when it was deleted before. */
  readonly now: boolean;
  /** What leads to it and is to be let go. */
  readonly leading: readonly Leading[];
}

export class DeletingUsers {
  readonly #keyrings: UserKeyringStore;
  readonly #locators: LocatorStore;
  readonly #jobs: Pick<JobSender, 'send'>;
  readonly #clock: Clock;
  readonly #pause: () => Promise<void>;

  /** @param pause what has to pass between tombstone and acknowledgement (fresh.ts) */
  constructor(
    keyrings: UserKeyringStore,
    locators: LocatorStore,
    jobs: Pick<JobSender, 'send'>,
    clock: Clock,
    pause = deletionPause,
  ) {
    this.#keyrings = keyrings;
    this.#locators = locators;
    this.#jobs = jobs;
    this.#clock = clock;
    this.#pause = pause;
  }

  /**
   * Destroys all slots at once, by one write, since from then on nothing opens, whatever breaks off after it. What is left then leads to
   * nobody, or is ciphertext without a key: the job that deletes it is sent, and names the locators too, which are let go here at once where
   * that succeeds. Deleted again, a user has the job sent again, for its records. A damaged keyring is no obstacle.
   * @param known what is known to lead, or have led, to the user: let go of one who was deleted before, whose tombstone names nothing
   * @throws VaultError `user_not_found`; `write_contention`: nothing was deleted; `unavailable`, `key_unavailable`: if the detail says so,
   *   the user is deleted and what it left is not
   */
  async delete(owner: UserRef, known: readonly Leading[] = []): Promise<DeletedResponse> {
    const { deletedAt, now, leading } = await this.#destroySlots(owner, known);
    const paused = this.#pause();
    const id = createTimeId(this.#clock().getTime(), randomBytes(16));
    const job: EraseJob = { kind: 'erase', user: owner.user, locators: leading };
    const [sent, ...released] = await Promise.allSettled([
      this.#jobs.send(owner.org, id, job, owner.user),
      ...leading.map((one) => release(this.#locators, owner, one, this.#clock())),
    ]);
    await paused;
    // What was not let go, the job lets go.
    for (const result of released) unlessFailed(result);
    const failure = unlessFailed(sent);
    if (failure !== undefined) throw new VaultError(failure.code, { detail: notErased(owner) });
    return { deleted: now, deletedAt };
  }

  async #destroySlots(owner: UserRef, known: readonly Leading[]): Promise<Destroyed> {
    for (let attempt = 0; attempt < tries; attempt++) {
      const record = await this.#keyrings.stored(owner);
      if (record === undefined) throw new VaultError('user_not_found');
      const before = userOrDamage(record, owner);
      if (before.state === 'deleted') return { deletedAt: before.deletedAt, now: false, leading: known };
      const deletedAt = this.#clock().toISOString();
      if (before.state === 'active') {
        const leading = before.slots.filter(isFound).map(({ kind, locator }) => ({ kind, locator }));
        if (await this.#keyrings.replace(createUserTombstone(before, deletedAt)))
          return { deletedAt, now: true, leading };
      } else {
        const { createdAt = deletedAt, generation, leading } = before;
        const deleted: UserTombstone = { ...owner, state: 'deleted', createdAt, deletedAt, generation: generation + 1 };
        if (await this.#keyrings.bury(deleted)) return { deletedAt, now: true, leading };
      }
    }
    throw new VaultError('write_contention', { detail: 'Nothing was deleted.' });
  }
}

const notErased = ({ user }: UserRef): string =>
  `The user is deleted, and nothing opens its data any more. What is left of them, encrypted, could not be handed on to be erased: ` +
  `DELETE /v1/users/${user} by the organization does that.`;

/** The failure of a call of the world; what is none of these is a mistake of ours. */
function unlessFailed(result: PromiseSettledResult<void>): VaultError | undefined {
  if (result.status === 'fulfilled') return undefined;
  if (result.reason instanceof VaultError) return result.reason;
  throw result.reason;
}
