/** The end of a user: by itself, by a message, or by its org. */
import { randomBytes } from 'node:crypto';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { DeletedResponse } from '../../contract/users/wire.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { createUserTombstone, type UserTombstone } from '../../core/users/user-keyring.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { JobProducer } from '../jobs/job-producer.ts';
import type { Clock } from '../shared/ports.ts';
import { parseUserRecordOrCorrupt } from './corrupt-user-keyring.ts';
import { hasStoredLocator, releaseLocator, type SlotLocator } from './locator-release.ts';
import type { PurgeUserJobPayload } from './purge-user-job.ts';
import { waitForInFlightReads } from './read-freshness.ts';
import type { LocatorStore, UserKeyringStore } from './user-ports.ts';

const maxAttempts = 10;

/** A user as a deletion leaves it. */
interface SlotDestructionResult {
  readonly deletedAt: string;
  /** False when it was deleted before. */
  readonly newlyDeleted: boolean;
  /** What leads to it and is to be let go. */
  readonly slotLocators: readonly SlotLocator[];
}

export class UserDeletionService {
  readonly #keyrings: UserKeyringStore;
  readonly #locatorStore: LocatorStore;
  readonly #jobProducer: Pick<JobProducer, 'send'>;
  readonly #clock: Clock;
  readonly #waitForInFlightReads: () => Promise<void>;

  /** @param pause what has to pass between tombstone and acknowledgement (fresh.ts) */
  constructor(
    keyrings: UserKeyringStore,
    locatorStore: LocatorStore,
    jobProducer: Pick<JobProducer, 'send'>,
    clock: Clock,
    pause = waitForInFlightReads,
  ) {
    this.#keyrings = keyrings;
    this.#locatorStore = locatorStore;
    this.#jobProducer = jobProducer;
    this.#clock = clock;
    this.#waitForInFlightReads = pause;
  }

  /**
   * Destroys all slots at once, by one write, since from then on nothing opens, whatever breaks off after it. What is left then leads to
   * nobody, or is ciphertext without a key: the job that deletes it is sent, and names the locators too, which are let go here at once where
   * that succeeds. Deleted again, a user has the job sent again, for its records. A damaged keyring is no obstacle.
   * @param knownLocators what is known to lead, or have led, to the user: let go of one who was deleted before, whose tombstone names nothing
   * @throws VaultError `user_not_found`; `write_contention`: nothing was deleted; `unavailable`, `key_unavailable`: if the detail says so,
   *   the user is deleted and what it left is not
   */
  async delete(owner: UserRef, knownLocators: readonly SlotLocator[] = []): Promise<DeletedResponse> {
    const { deletedAt, newlyDeleted, slotLocators } = await this.#destroySlots(owner, knownLocators);
    const inFlightReadsEnded = this.#waitForInFlightReads();
    const id = createTimeId(this.#clock().getTime(), randomBytes(16));
    const job: PurgeUserJobPayload = { kind: 'erase', user: owner.user, locators: slotLocators };
    const [sent, ...released] = await Promise.allSettled([
      this.#jobProducer.send(owner.org, id, job, owner.user),
      ...slotLocators.map((one) => releaseLocator(this.#locatorStore, owner, one, this.#clock())),
    ]);
    await inFlightReadsEnded;
    // What was not let go, the job lets go.
    for (const result of released) vaultErrorOf(result);
    const failure = vaultErrorOf(sent);
    if (failure !== undefined) throw new VaultError(failure.code, { detail: purgeNotScheduledDetail(owner) });
    return { deleted: newlyDeleted, deletedAt };
  }

  async #destroySlots(owner: UserRef, knownLocators: readonly SlotLocator[]): Promise<SlotDestructionResult> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const record = await this.#keyrings.getRecord(owner);
      if (record === undefined) throw new VaultError('user_not_found');
      const stored = parseUserRecordOrCorrupt(record, owner);
      if (stored.state === 'deleted')
        return { deletedAt: stored.deletedAt, newlyDeleted: false, slotLocators: knownLocators };
      const deletedAt = this.#clock().toISOString();
      if (stored.state === 'active') {
        const leading = stored.slots.filter(hasStoredLocator).map(({ kind, locator }) => ({ kind, locator }));
        if (await this.#keyrings.replace(createUserTombstone(stored, deletedAt)))
          return { deletedAt, newlyDeleted: true, slotLocators: leading };
      } else {
        const { createdAt = deletedAt, generation, slotLocators } = stored;
        const deleted: UserTombstone = { ...owner, state: 'deleted', createdAt, deletedAt, generation: generation + 1 };
        if (await this.#keyrings.overwriteWithTombstone(deleted))
          return { deletedAt, newlyDeleted: true, slotLocators: slotLocators };
      }
    }
    throw new VaultError('write_contention', { detail: 'Nothing was deleted.' });
  }
}

const purgeNotScheduledDetail = ({ user }: UserRef): string =>
  `The user is deleted, and nothing opens its data any more. What is left of them, encrypted, could not be handed on to be erased: ` +
  `DELETE /v1/users/${user} by the organization does that.`;

/** The failure of a call of the world; what is none of these is a mistake of ours. */
function vaultErrorOf(result: PromiseSettledResult<void>): VaultError | undefined {
  if (result.status === 'fulfilled') return undefined;
  if (result.reason instanceof VaultError) return result.reason;
  throw result.reason;
}
