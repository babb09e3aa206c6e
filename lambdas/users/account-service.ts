/** A user's account: view its slots, replace the user key, remove slots. */

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
   * Replaces the presented user key in one write. Only the old key works before the write, and only the new key after
   * it. The write also removes all sessions and link codes, because anyone with the old key may have those too.
   * A retry with the new key after a lost reply changes nothing and succeeds.
   * @throws VaultError `forbidden` for a session, `invalid_request`, `invalid_credential`, `write_contention`
   */
  async rotateUserKey(user: UnlockedUser, newKey: string): Promise<AccountResponse> {
    const { owner, slot } = user;
    if (slot.kind !== 'credential') {
      throw new VaultError('forbidden', { detail: 'Send the user key that you want to replace, not a session.' });
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
      // A failure here is not reported, because the new key is already valid. The slots are removed, and the locators
      // expire.
      await Promise.allSettled(linkSlots.map((code) => this.#releaseLocator(owner, code)));
      return toAccountResponse(keyring, this.#clock());
    } finally {
      secret.fill(0);
    }
  }

  /**
   * Removes a slot: a channel, a link code or a session. A session may also remove the user key.
   * @throws VaultError `slot_not_found`, also for a slot that was removed before; `last_slot`; `forbidden` for the
   *   presented user key; `invalid_request` for a password, which has a separate route
   */
  async removeSlot(user: UnlockedUser, id: string): Promise<AccountResponse> {
    const { owner } = user;
    let removed: Slot | undefined;
    const keyring = await this.#slotUpdater.update(user, ({ slots }) => {
      const found = slots.find((slot) => slot.id === id);
      // This request or another one removed the slot after it was first read. Nothing is left to change.
      if (found === undefined && removed !== undefined) return undefined;
      removed = found;
      if (removed === undefined) throw new VaultError('slot_not_found');
      if (removed.kind === 'password') {
        throw new VaultError('invalid_request', { detail: 'Use the route for passwords to remove a password.' });
      }
      if (removed.kind === 'credential' && id === user.slot.id) {
        throw new VaultError('forbidden', { detail: 'A user key cannot remove itself. Replace it instead.' });
      }
      return { remove: [id] };
    });
    // Release the locator after the slot: another user may claim a locator whose user has no such slot
    // (locator-registry.ts).
    if (removed !== undefined && hasStoredLocator(removed)) await this.#releaseLocator(owner, removed);
    return toAccountResponse(keyring, this.#clock());
  }

  #releaseLocator(owner: UserRef, slot: Slot): Promise<void> {
    return releaseLocator(this.#locatorStore, owner, slot, this.#clock(), slot.id);
  }

  /**
   * Ends the presented session. Returns false if the credential is not a session.
   * @throws VaultError `write_contention`
   */
  async logOut(user: UnlockedUser): Promise<boolean> {
    const { slot } = user;
    if (slot.kind !== 'session') return false;
    try {
      await this.#slotUpdater.update(user, () => ({ remove: [slot.id] }));
    } catch (error) {
      // Another request has just ended the session, which is the desired result.
      if (!(error instanceof VaultError && error.code === 'invalid_credential')) throw error;
    }
    return true;
  }
}

/** Creates a slot of a user key for an unlocked user. @param key ASCII of the key, not zeroed here */
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
