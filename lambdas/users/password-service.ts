/** The rules of passwords: set, changed, removed. Whatever they were set or removed for, codes for linking and sessions may be a stranger's. */

import { VaultError } from '../../contract/shared/vault-error.ts';
import type { AccountResponse, SetPasswordRequest } from '../../contract/users/wire.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { canonicalLogin } from '../../core/users/canonical-identity.ts';
import type { Slot } from '../../core/users/key-slot.ts';
import { locatorMacInput } from '../../core/users/slot-mac-inputs.ts';
import type { UserKeyring } from '../../core/users/user-keyring.ts';
import type { Clock } from '../shared/ports.ts';
import { accountInfo } from './account-response.ts';
import type { Locators } from './locator-claims.ts';
import type { PasswordSlots } from './password-slot.ts';
import type { Confirming } from './reauthentication.ts';
import type { SlotChanges } from './slot-updater.ts';
import type { OpenUser } from './unlocked-user.ts';
import type { LocatorStore, RoutingMacs } from './user-ports.ts';

export interface PasswordParts {
  readonly changes: SlotChanges;
  readonly store: LocatorStore;
  readonly locators: Locators;
  readonly confirming: Confirming;
  readonly routing: RoutingMacs;
  readonly slots: PasswordSlots;
  readonly clock: Clock;
}

const passwordAndCodes = ({ slots }: UserKeyring): Slot[] =>
  slots.filter(({ kind }) => kind === 'password' || kind === 'link');

export class Passwords {
  readonly #parts: PasswordParts;

  constructor(parts: PasswordParts) {
    this.#parts = parts;
  }

  /**
   * Sets login and password in place of what there was. The new locator is claimed before the slot is stored, and the old one given up
   * after: broken off between, the user keeps a name too many, which others may take after a while (locators.ts). All sessions end but the
   * one that asks, and codes for linking go.
   * @throws VaultError `invalid_request`, `login_taken`, `login_refused` and `too_many_attempts` for `currentPassword`,
   *   `too_many_slots`, `write_contention`
   */
  async set(user: OpenUser, request: SetPasswordRequest): Promise<AccountResponse> {
    const { confirming, locators, routing, slots, clock, changes } = this.#parts;
    const { org, user: id } = user.owner;
    const name = canonicalLogin(request.login);
    if (name === undefined) {
      const message = 'must be 3 to 128 of a-z 0-9 . _ % + @ -, the first a letter or digit';
      throw new VaultError('invalid_request', { errors: [{ path: 'login', message }] });
    }
    await confirming.confirm(user, request.currentPassword);
    const [slotId, locator] = [randomId(), await routing.locator(locatorMacInput(org, name))];
    if ((await locators.take(org, locator, id, slotId)) !== id) throw new VaultError('login_taken');
    const facts = { id: slotId, locator, createdAt: clock().toISOString() };
    const slot = await slots.make(user, facts, request.password);
    let gone: readonly Slot[] = [];
    const keyring = await changes.change(user, (before) => {
      gone = passwordAndCodes(before);
      return { remove: [...gone.map((old) => old.id), ...otherSessions(user, before)], add: [slot] };
    });
    // By the same login others may have set one meanwhile: what leads to that, whoever claimed it last, leads to the slot that is there now.
    const given = gone.filter((old) => old.locator !== locator);
    await this.#forget(user, given);
    return accountInfo(keyring, clock());
  }

  /** Removes login and password; all sessions end, since nothing could begin another. @throws VaultError `last_slot`, `write_contention` */
  async remove(user: OpenUser): Promise<AccountResponse> {
    const { clock, changes } = this.#parts;
    // All that were met: what was gone when the keyring was read again, may have gone by this very request.
    const gone = new Map<string, Slot>();
    const keyring = await changes.change(user, (before) => {
      const sessions = before.slots.filter(({ kind }) => kind === 'session');
      const remove = [...passwordAndCodes(before), ...sessions];
      for (const slot of passwordAndCodes(before)) gone.set(slot.id, slot);
      return remove.length === 0 ? undefined : { remove: remove.map(({ id }) => id) };
    });
    await this.#forget(user, [...gone.values()]);
    return accountInfo(keyring, clock());
  }

  /** Lets go what led to slots that are gone; what was claimed anew meanwhile, by the same login too, stays. */
  async #forget({ owner: { org, user } }: OpenUser, gone: readonly Slot[]): Promise<void> {
    for (const { id, locator } of gone) await this.#parts.store.remove(org, locator, user, id);
  }
}

const otherSessions = ({ slot: own }: OpenUser, { slots }: UserKeyring): string[] =>
  slots.filter(({ kind, id }) => kind === 'session' && id !== own.id).map(({ id }) => id);
