/**
 * Locators: by which a user is found from an identity or a login. Each leads to one user. They are written before the slot that they
 * lead to and removed after it, so what breaks off between leaves one that leads to nobody who has that slot: such a one may be taken, once
 * no request can be under way any more that is about to store it: at once where it is retired (leading.ts), since its slot was there. Each claim names the slot that it is for; who has taken a slot away
 * removes that claim alone, so that one for the slot that comes next, of the same user too, stays.
 */
import { workerTimeoutSeconds } from '../../contract/shared/environment-variables.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { Clock } from '../shared/ports.ts';
import { parseUserRecordOrCorrupt } from './corrupt-user-keyring.ts';
import type { LocatorStore, UserKeyringStore } from './user-ports.ts';

const maxAttempts = 6;
/** The longest that a request lasts, and as much again for clocks that differ, milliseconds. */
const maxRequestMs = 2 * workerTimeoutSeconds * 1000;

/** To whom a locator leads. */
export interface ResolvedLocator {
  readonly user: string;
  /** Whether there is, or was, such a user; not when its making was broken off. */
  readonly userExists: boolean;
  /** Whether that user has a slot of it. */
  readonly hasSlot: boolean;
  /** Id of the slot that it was claimed for. */
  readonly claimedSlotId?: string | undefined;
  /** RFC 3339; of one who was deleted. */
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
   * Makes a locator lead to a user, unless it leads to another who has a slot of it, or may be about to store one.
   * @param slotId id of the slot that is to be stored next
   * @returns the id of the user to whom it leads now
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
      const mayBePendingClaim = Date.parse(found.since ?? '') + maxRequestMs > now.getTime();
      // A deleted user stores no slot any more.
      if (hasSlot || (deletedAt === undefined && found.retired !== true && mayBePendingClaim)) return found.user;
      if (await this.#store.claim(org, next, found.user, found.slot)) return user;
    }
    throw new VaultError('write_contention', { detail: 'Nothing was changed.' });
  }

  /** To whom a locator leads, and what of that user there is. */
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
    // A damaged record is that user's all the same, as far as it can be read: others are told what they would be otherwise.
    const slots = stored?.state === 'damaged' ? stored.slotLocators : stored?.slots;
    const hasSlot = slots?.some((slot) => slot.locator === locator) ?? false;
    return { user: owner.user, userExists: stored !== undefined, hasSlot };
  }
}
