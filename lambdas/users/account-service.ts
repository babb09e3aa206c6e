/** The rules of a user's own account: it sees its slots, replaces its key, takes slots away. */

import { VaultError } from '../../contract/shared/vault-error.ts';
import type { AccountResponse } from '../../contract/users/wire.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { credentialLocator, newSlotSalt, type Slot, wrapUmk } from '../../core/users/key-slot.ts';
import { parseUserKey } from '../../core/users/user-key.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { Clock } from '../shared/ports.ts';
import { accountInfo } from './account-response.ts';
import { isFound, release } from './locator-release.ts';
import type { SlotChanges } from './slot-updater.ts';
import type { OpenUser } from './unlocked-user.ts';
import type { LocatorStore } from './user-ports.ts';

export class Accounts {
  readonly #changes: SlotChanges;
  readonly #locators: LocatorStore;
  readonly #clock: Clock;

  constructor(changes: SlotChanges, locators: LocatorStore, clock: Clock) {
    this.#changes = changes;
    this.#locators = locators;
    this.#clock = clock;
  }

  read({ keyring }: OpenUser): AccountResponse {
    return accountInfo(keyring, this.#clock());
  }

  /**
   * Puts a new user key in place of the one that was presented, in one write: either is good until it, and after it the new one alone.
   * Sessions end and codes for linking go with the old key, since whoever had that may have them too.
   * Sent again with the new key after a lost answer, it changes nothing and succeeds.
   * @throws VaultError `forbidden` by a session, `invalid_request`, `invalid_credential`, `write_contention`
   */
  async changeKey(user: OpenUser, newKey: string): Promise<AccountResponse> {
    const { owner, slot: old } = user;
    if (old.kind !== 'credential') {
      throw new VaultError('forbidden', { detail: 'Present the user key that is to be replaced, not a session.' });
    }
    const parsed = parseUserKey(newKey);
    if (parsed?.org !== owner.org || parsed.user !== owner.user) {
      const message = 'is not a user key of this user';
      throw new VaultError('invalid_request', { errors: [{ path: 'newKey', message }] });
    }
    const secret = Buffer.from(newKey);
    try {
      const next = credentialSlot(user, secret, this.#clock().toISOString());
      if (next.locator === old.locator) return this.read(user);
      let codes: readonly Slot[] = [];
      const keyring = await this.#changes.change(user, ({ slots }) => {
        codes = slots.filter(({ kind }) => kind === 'link');
        const sessions = slots.filter(({ kind }) => kind === 'session');
        return { remove: [old.id, ...[...sessions, ...codes].map(({ id }) => id)], add: [next] };
      });
      // They lead nowhere any more and end by themselves: a failure here must not make the caller doubt the new key.
      await Promise.allSettled(codes.map((code) => this.#forget(owner, code)));
      return accountInfo(keyring, this.#clock());
    } finally {
      secret.fill(0);
    }
  }

  /**
   * Takes a slot away: a channel, a code, a session, or by a session the user key.
   * @throws VaultError `slot_not_found`, also for one that was removed before; `last_slot`; `forbidden` for the user key that was
   *   presented; `invalid_request` for a password, which has a route of its own
   */
  async removeSlot(user: OpenUser, id: string): Promise<AccountResponse> {
    const { owner } = user;
    let removed: Slot | undefined;
    const keyring = await this.#changes.change(user, ({ slots }) => {
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
    if (removed !== undefined && isFound(removed)) await this.#forget(owner, removed);
    return accountInfo(keyring, this.#clock());
  }

  #forget(owner: UserRef, slot: Slot): Promise<void> {
    return release(this.#locators, owner, slot, this.#clock(), slot.id);
  }

  /** Ends the session that was presented; false when it was none. @throws VaultError `write_contention` */
  async logOut(user: OpenUser): Promise<boolean> {
    const { slot } = user;
    if (slot.kind !== 'session') return false;
    try {
      await this.#changes.change(user, () => ({ remove: [slot.id] }));
    } catch (error) {
      // Someone else has ended it just now: it has ended.
      if (!(error instanceof VaultError && error.code === 'invalid_credential')) throw error;
    }
    return true;
  }
}

/** A slot of a user key, for a user who is there. @param key ASCII of the key, not zeroed here */
const credentialSlot = (user: OpenUser, key: Uint8Array, createdAt: string): Slot =>
  user.withRoot((root) => newCredentialSlot(root, key, user.owner, createdAt));

/** @param root the UMK, not zeroed here */
export const newCredentialSlot = (root: Uint8Array, key: Uint8Array, owner: UserRef, createdAt: string): Slot =>
  wrapUmk(root, key, owner, {
    id: randomId(),
    kind: 'credential',
    locator: credentialLocator(key, owner),
    salt: newSlotSalt(owner, 'credential'),
    createdAt,
  });
