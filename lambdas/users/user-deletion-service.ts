/** Deletes a user. The user, a message or the organization can request the deletion. */
import { randomBytes } from 'node:crypto';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { DeletedResponse } from '../../contract/users/wire.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { createUserTombstone, type UserKeyring, type UserTombstone } from '../../core/users/user-keyring.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { JobProducer } from '../jobs/job-producer.ts';
import type { Clock } from '../shared/ports.ts';
import { type CorruptUserKeyring, parseUserRecordOrCorrupt } from './corrupt-user-keyring.ts';
import { releaseLocator, type SlotLocator, storedLocatorsOf } from './locator-release.ts';
import type { PurgeUserJobPayload } from './purge-user-job.ts';
import { waitForInFlightReads } from './read-freshness.ts';
import type { LocatorStore, UserKeyringStore } from './user-ports.ts';

const maxAttempts = 10;

/** Result of destroying the slots of a user. */
interface SlotDestructionResult {
  readonly deletedAt: string;
  /** False if the user was already deleted. */
  readonly newlyDeleted: boolean;
  /** The locators to release. */
  readonly slotLocators: readonly SlotLocator[];
}

export class UserDeletionService {
  readonly #keyrings: UserKeyringStore;
  readonly #locatorStore: LocatorStore;
  readonly #jobProducer: Pick<JobProducer, 'send'>;
  readonly #clock: Clock;
  readonly #waitForInFlightReads: () => Promise<void>;

  /** @param pause wait between tombstone and acknowledgement (read-freshness.ts) */
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
   * Destroys all slots in one write. After that write, nothing can be opened, even if a later step fails.
   * Ciphertext without a key and locators without slots remain. This method sends a job that deletes both. It also
   * tries to release the locators immediately; the job retries any that could not be released. A repeated deletion
   * sends the job again, so that the records are deleted. A damaged keyring can be deleted too.
   * @param knownLocators current or former locators of the user. They are released if the user was already deleted,
   *   because a tombstone lists no locators
   * @param checkedGeneration the generation of the keyring against which the request was authorized, by a password or a
   *   deletion code. If it was replaced since, nothing is deleted. Undefined for the organization, whose permission
   *   does not depend on the keyring
   * @throws VaultError `user_not_found`; `write_contention` if nothing was deleted; `unavailable`, `key_unavailable`:
   *   if the detail says so, the user is deleted but the remaining data is not
   */
  async delete(
    owner: UserRef,
    knownLocators: readonly SlotLocator[] = [],
    checkedGeneration?: number,
  ): Promise<DeletedResponse> {
    const { deletedAt, newlyDeleted, slotLocators } = await this.#destroySlots(owner, knownLocators, checkedGeneration);
    const inFlightReadsEnded = this.#waitForInFlightReads();
    const id = createTimeId(this.#clock().getTime(), randomBytes(16));
    const job: PurgeUserJobPayload = { kind: 'erase', user: owner.user, locators: slotLocators };
    const [sent, ...released] = await Promise.allSettled([
      this.#jobProducer.send(owner.org, id, job, owner.user),
      ...slotLocators.map((one) => releaseLocator(this.#locatorStore, owner, one, this.#clock())),
    ]);
    await inFlightReadsEnded;
    // The job retries locators that could not be released.
    for (const result of released) vaultErrorOf(result);
    const failure = vaultErrorOf(sent);
    if (failure !== undefined) throw new VaultError(failure.code, { detail: purgeNotScheduledDetail(owner) });
    return { deleted: newlyDeleted, deletedAt };
  }

  async #destroySlots(
    owner: UserRef,
    knownLocators: readonly SlotLocator[],
    checkedGeneration: number | undefined,
  ): Promise<SlotDestructionResult> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const record = await this.#keyrings.getRecord(owner);
      if (record === undefined) throw new VaultError('user_not_found');
      const stored = parseUserRecordOrCorrupt(record, owner);
      if (stored.state === 'deleted')
        return { deletedAt: stored.deletedAt, newlyDeleted: false, slotLocators: knownLocators };
      if (checkedGeneration !== undefined && stored.generation !== checkedGeneration) throw changedMeanwhileError();
      const deletedAt = this.#clock().toISOString();
      const slotLocators = await this.#replaceWithTombstone(owner, stored, deletedAt);
      if (slotLocators !== undefined) return { deletedAt, newlyDeleted: true, slotLocators };
    }
    throw new VaultError('write_contention', { detail: 'Nothing was deleted.' });
  }

  /** Returns the locators of the destroyed slots, or undefined if the record was replaced since it was read. */
  async #replaceWithTombstone(
    owner: UserRef,
    stored: UserKeyring | CorruptUserKeyring,
    deletedAt: string,
  ): Promise<readonly SlotLocator[] | undefined> {
    if (stored.state === 'active') {
      const replaced = await this.#keyrings.replace(createUserTombstone(stored, deletedAt));
      // Nobody opened the keyring, so its MAC is not verified.
      return replaced ? storedLocatorsOf(stored.slots) : undefined;
    }
    const { createdAt = deletedAt, generation, slotLocators } = stored;
    const deleted: UserTombstone = { ...owner, state: 'deleted', createdAt, deletedAt, generation: generation + 1 };
    return (await this.#keyrings.overwriteWithTombstone(deleted, stored.deletedAt)) ? slotLocators : undefined;
  }
}

const changedMeanwhileError = (): VaultError =>
  new VaultError('write_contention', {
    detail: 'The account was changed after the request was checked. Nothing was deleted. Send the request again.',
  });

const purgeNotScheduledDetail = ({ user }: UserRef): string =>
  `The user is deleted, and the data can no longer be opened. The remaining encrypted data could not be scheduled for ` +
  `deletion. The organization can schedule it with DELETE /v1/users/${user}.`;

/** Returns the VaultError of a failed call. Any other error is a bug and is rethrown. */
function vaultErrorOf(result: PromiseSettledResult<void>): VaultError | undefined {
  if (result.status === 'fulfilled') return undefined;
  if (result.reason instanceof VaultError) return result.reason;
  throw result.reason;
}
