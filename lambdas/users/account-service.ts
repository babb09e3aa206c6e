/** The rules of a user's own account: it sees its slots, replaces its key, takes slots away. */

import { VaultError } from '../../contract/shared/vault-error.ts';
import type { AccountResponse } from '../../contract/users/wire.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { credentialLocator, newSlotSalt, type Slot, wrapUmk } from '../../core/users/key-slot.ts';
import { parseUserKey } from '../../core/users/user-key.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { Clock } from '../shared/ports.ts';
import { toAccountResponse } from './account-response.ts';
import { hasStoredLocator, releaseLocator } from './locator-release.ts';
import type { SlotUpdater } from './slot-updater.ts';
import type { UnlockedUser } from './unlocked-user.ts';
import type { LocatorStore } from './user-ports.ts';

export class AccountService {
  readonly #slotUpdater: SlotUpdater;
  readonly #locatorStore: LocatorStore;
  readonly #clock: Clock;

  constructor(slotUpdater: SlotUpdater, locatorStore: LocatorStore, clock: Clock) {
    this.#slotUpdater = slotUpdater;
    this.#locatorStore = locatorStore;
    this.#clock = clock;
  }

  getAccount({ keyring }: UnlockedUser): AccountResponse {
    return toAccountResponse(keyring, this.#clock());
  }

  /**
   * Puts a new user key in place of the one that was presented, in one write: either is good until it, and after it the new one alone.
   * Sessions end and codes for linking go with the old key, since whoever had that may have them too.
   * Sent again with the new key after a lost answer, it changes nothing and succeeds.
   * @throws VaultError `forbidden` by a session, `invalid_request`, `invalid_credential`, `write_contention`
   */
  async rotateUserKey(user: UnlockedUser, newKey: string): Promise<AccountResponse> {
    const { owner, slot } = user;
    if (slot.kind !== 'credential') {
      throw new VaultError('forbidden', { detail: 'Present the user key that is to be replaced, not a session.' });
    }
    const parsed = parseUserKey(newKey);
    if (parsed?.org !== owner.org || parsed.user !== owner.user) {
      const message = 'is not a user key of this user';
      throw new VaultError('invalid_request', { errors: [{ path: 'newKey', message }] });
    }
    const secret = Buffer.from(newKey);
    try {
      const newSlot = createCredentialSlotFor(user, secret, this.#clock().toISOString());
      if (newSlot.locator === slot.locator) return this.getAccount(user);
      let linkSlots: readonly Slot[] = [];
      const keyring = await this.#slotUpdater.update(user, ({ slots }) => {
        linkSlots = slots.filter(({ kind }) => kind === 'link');
        const sessions = slots.filter(({ kind }) => kind === 'session');
        return { remove: [slot.id, ...[...sessions, ...linkSlots].map(({ id }) => id)], add: [newSlot] };
      });
      // They lead nowhere any more and end by themselves: a failure here must not make the caller doubt the new key.
      await Promise.allSettled(linkSlots.map((code) => this.#releaseLocator(owner, code)));
      return toAccountResponse(keyring, this.#clock());
    } finally {
      secret.fill(0);
    }
  }

  /**
   * Takes a slot away: a channel, a code, a session, or by a session the user key.
   * @throws VaultError `slot_not_found`, also for one that was removed before; `last_slot`; `forbidden` for the user key that was
   *   presented; `invalid_request` for a password, which has a route of its own
   */
  async removeSlot(user: UnlockedUser, id: string): Promise<AccountResponse> {
    const { owner } = user;
    let removed: Slot | undefined;
    const keyring = await this.#slotUpdater.update(user, ({ slots }) => {
      const found = slots.find((slot) => slot.id === id);
      // Gone since it was seen, by this very request or another: it leads nowhere any more.
      if (found === undefined && removed !== undefined) return undefined;
      removed = found;
      if (removed === undefined) throw new VaultError('slot_not_found');
      if (removed.kind === 'password') {
        throw new VaultError('invalid_request', { detail: 'A password is removed by its own route.' });
      }
      if (removed.kind === 'credential' && id === user.slot.id) {
        throw new VaultError('forbidden', { detail: 'A user key cannot remove itself: replace it.' });
      }
      return { remove: [id] };
    });
    // After the slot: a locator that leads to nobody who has it may be taken by another (locators.ts).
    if (removed !== undefined && hasStoredLocator(removed)) await this.#releaseLocator(owner, removed);
    return toAccountResponse(keyring, this.#clock());
  }

  #releaseLocator(owner: UserRef, slot: Slot): Promise<void> {
    return releaseLocator(this.#locatorStore, owner, slot, this.#clock(), slot.id);
  }

  /** Ends the session that was presented; false when it was none. @throws VaultError `write_contention` */
  async logOut(user: UnlockedUser): Promise<boolean> {
    const { slot } = user;
    if (slot.kind !== 'session') return false;
    try {
      await this.#slotUpdater.update(user, () => ({ remove: [slot.id] }));
    } catch (error) {
      // Someone else has ended it just now: it has ended.
      if (!(error instanceof VaultError && error.code === 'invalid_credential')) throw error;
    }
    return true;
  }
}

/** A slot of a user key, for a user who is there. @param key ASCII of the key, not zeroed here */
const createCredentialSlotFor = (user: UnlockedUser, key: Uint8Array, createdAt: string): Slot =>
  user.withRootKey((root) => createCredentialSlot(root, key, user.owner, createdAt));

/** @param root the UMK, not zeroed here */
export const createCredentialSlot = (root: Uint8Array, key: Uint8Array, owner: UserRef, createdAt: string): Slot =>
  wrapUmk(root, key, owner, {
    id: randomId(),
    kind: 'credential',
    locator: credentialLocator(key, owner),
    salt: newSlotSalt(owner, 'credential'),
    createdAt,
  });
