/**
 * Locators map an identity or a login to one user.
 * A locator is written before its slot and removed after it. An interrupted operation can therefore leave a locator
 * whose user has no such slot. Another user may claim such a locator once no in-flight request can still store the
 * slot. A retired locator can be claimed at once, because its slot was already stored (locator-release.ts).
 * Each claim names its slot. Removing a slot removes only the claim for that slot. A later claim stays, even if the
 * same user made it.
 */
import { workerTimeoutSeconds } from '../../contract/shared/environment-variables.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { Clock } from '../shared/ports.ts';
import { parseUserRecordOrCorrupt } from './corrupt-user-keyring.ts';
import type { LocatorStore, UserKeyringStore } from './user-ports.ts';

const maxAttempts = 6;
/** Maximum duration of a request, doubled to allow for clock skew, in milliseconds. */
const maxRequestMs = 2 * workerTimeoutSeconds * 1000;

/** The user that a locator maps to. */
export interface ResolvedLocator {
  readonly user: string;
  /** Whether the user exists or was deleted. False if its creation was interrupted. */
  readonly userExists: boolean;
  /** Whether the user has a slot with this locator. */
  readonly hasSlot: boolean;
  /** Id of the slot that the claim was made for. */
  readonly claimedSlotId?: string | undefined;
  /** RFC 3339 time of deletion. Set only for a deleted user. */
  readonly deletedAt?: string;
}

export class LocatorRegistry {
  readonly #store: LocatorStore;
  readonly #keyrings: UserKeyringStore;
  readonly #clock: Clock;

  constructor(store: LocatorStore, keyrings: UserKeyringStore, clock: Clock) {
    this.#store = store;
    this.#keyrings = keyrings;
    this.#clock = clock;
  }

  /**
   * Claims a locator for a user, unless another user has a slot with this locator or may be about to store one.
   * @param slotId id of the slot that the caller stores next
   * @returns the id of the user that the locator maps to after the call
   * @throws VaultError `write_contention`
   */
  async claimOrGetHolder(org: string, locator: string, user: string, slotId: string): Promise<string> {
    const now = this.#clock();
    const next = { locator, user, slot: slotId, since: now.toISOString() };
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      if (await this.#store.claim(org, next, undefined)) return user;
      const found = await this.#store.find(org, locator);
      if (found === undefined) continue;
      const { hasSlot, deletedAt } = await this.#resolveUser({ org, user: found.user }, locator);
      // A claim from the future is not one of the vault, and would block the locator for ever.
      const mayBePendingClaim = Math.abs(now.getTime() - Date.parse(found.since ?? '')) < maxRequestMs;
      // A deleted user stores no more slots.
      if (hasSlot || (deletedAt === undefined && found.retired !== true && mayBePendingClaim)) return found.user;
      if (await this.#store.claim(org, next, found.user, found.slot)) return user;
    }
    throw new VaultError('write_contention', { detail: 'Nothing was changed.' });
  }

  /** Resolves a locator to its user and reports the state of that user. */
  async resolve(org: string, locator: string): Promise<ResolvedLocator | undefined> {
    const found = await this.#store.find(org, locator);
    if (found === undefined) return undefined;
    return { ...(await this.#resolveUser({ org, user: found.user }, locator)), claimedSlotId: found.slot };
  }

  async #resolveUser(owner: UserRef, locator: string): Promise<ResolvedLocator> {
    const record = await this.#keyrings.getRecord(owner);
    const stored = record === undefined ? undefined : parseUserRecordOrCorrupt(record, owner);
    if (stored?.state === 'deleted')
      return { user: owner.user, userExists: true, hasSlot: false, deletedAt: stored.deletedAt };
    // A damaged record still belongs to its user, as far as it can be read. Other users get the same result as for an
    // intact record.
    const slots = stored?.state === 'damaged' ? stored.slotLocators : stored?.slots;
    const hasSlot = slots?.some((slot) => slot.locator === locator) ?? false;
    return { user: owner.user, userExists: stored !== undefined, hasSlot };
  }
}
