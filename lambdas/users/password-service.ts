/**
 * Sets, changes and removes passwords. Each change also removes link codes and sessions, because a stranger may hold
 * them.
 */

import { VaultError } from '../../contract/shared/vault-error.ts';
import type { AccountResponse, SetPasswordRequest } from '../../contract/users/wire.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { canonicalLogin } from '../../core/users/canonical-identity.ts';
import type { Slot } from '../../core/users/key-slot.ts';
import { locatorMacInput } from '../../core/users/slot-mac-inputs.ts';
import type { UserKeyring } from '../../core/users/user-keyring.ts';
import type { AttemptStore } from '../shared/attempt-ports.ts';
import type { Clock } from '../shared/ports.ts';
import { toAccountResponse } from './account-response.ts';
import { countNewLogin } from './attempt-limits.ts';
import type { LocatorRegistry } from './locator-registry.ts';
import type { PasswordSlotService } from './password-slot-service.ts';
import type { ReauthenticationService } from './reauthentication-service.ts';
import type { SlotUpdater } from './slot-updater.ts';
import type { UnlockedUser } from './unlocked-user.ts';
import type { LocatorStore, RoutingMacs } from './user-ports.ts';

export interface PasswordServiceDeps {
  readonly slotUpdater: SlotUpdater;
  readonly locatorStore: LocatorStore;
  readonly locatorRegistry: LocatorRegistry;
  readonly attempts: AttemptStore;
  readonly reauthentication: ReauthenticationService;
  readonly routingMacs: RoutingMacs;
  readonly passwordSlots: PasswordSlotService;
  readonly clock: Clock;
}

const passwordAndLinkSlots = ({ slots }: UserKeyring): Slot[] =>
  slots.filter(({ kind }) => kind === 'password' || kind === 'link');

export class PasswordService {
  readonly #deps: PasswordServiceDeps;

  constructor(deps: PasswordServiceDeps) {
    this.#deps = deps;
  }

  /**
   * Sets login and password, replacing the previous ones. The new locator is claimed before the slot is stored, and the
   * old one is released after it. If this is interrupted, the user keeps an extra locator, which others may claim after
   * a while (locator-registry.ts). All other sessions end, and link codes are removed.
   * @throws VaultError `invalid_request`, `login_taken`, `login_refused` for `currentPassword`, `too_many_attempts`,
   *   `too_many_slots`, `write_contention`
   */
  async setPassword(user: UnlockedUser, request: SetPasswordRequest): Promise<AccountResponse> {
    const { reauthentication, locatorRegistry, attempts, routingMacs, passwordSlots, clock, slotUpdater } = this.#deps;
    const { org, user: id } = user.owner;
    const loginName = canonicalLogin(request.login);
    if (loginName === undefined) {
      const message = 'must be 3 to 128 characters of a-z 0-9 . _ % + @ - and start with a letter or digit';
      throw new VaultError('invalid_request', { errors: [{ path: 'login', message }] });
    }
    const confirmed = await reauthentication.requirePassword(user, request.currentPassword);
    const [slotId, locator] = [randomId(), await routingMacs.deriveLocator(locatorMacInput(org, loginName))];
    const isOwn = user.keyring.slots.some((slot) => slot.kind === 'password' && slot.locator === locator);
    // The answer tells whether another user has the login, so asking for one is limited, whatever the answer.
    if (!isOwn) await countNewLogin(attempts, user.owner, clock());
    if ((await locatorRegistry.claimOrGetHolder(org, locator, id, slotId)) !== id) throw new VaultError('login_taken');
    const slotFacts = { id: slotId, locator, createdAt: clock().toISOString() };
    const slot = await passwordSlots.createSlot(user, slotFacts, request.password);
    let removedSlots: readonly Slot[] = [];
    const keyring = await slotUpdater.update(confirmed, (before) => {
      removedSlots = passwordAndLinkSlots(before);
      return { remove: [...removedSlots.map((old) => old.id), ...otherSessionIds(user, before)], add: [slot] };
    });
    // A concurrent request may have set a password with the same login. That locator maps to the current slot,
    // whichever request claimed it last, so it is kept.
    const abandonedSlots = removedSlots.filter((old) => old.locator !== locator);
    await this.#releaseLocators(user, abandonedSlots);
    return toAccountResponse(keyring, clock());
  }

  /**
   * Removes login and password. All sessions end, because no new one could be started.
   * @throws VaultError `last_slot`, `write_contention`
   */
  async removePassword(user: UnlockedUser): Promise<AccountResponse> {
    const { clock, slotUpdater } = this.#deps;
    // All slots seen in any attempt. If a slot is missing after a reread, this request may have removed it.
    const removedSlots = new Map<string, Slot>();
    const keyring = await slotUpdater.update(user, (before) => {
      const sessions = before.slots.filter(({ kind }) => kind === 'session');
      const remove = [...passwordAndLinkSlots(before), ...sessions];
      for (const slot of passwordAndLinkSlots(before)) removedSlots.set(slot.id, slot);
      return remove.length === 0 ? undefined : { remove: remove.map(({ id }) => id) };
    });
    await this.#releaseLocators(user, [...removedSlots.values()]);
    return toAccountResponse(keyring, clock());
  }

  /** Releases the locators of removed slots. Newer claims stay, even for the same login. */
  async #releaseLocators({ owner: { org, user } }: UnlockedUser, removedSlots: readonly Slot[]): Promise<void> {
    for (const { id, locator } of removedSlots) await this.#deps.locatorStore.remove(org, locator, user, id);
  }
}

const otherSessionIds = ({ slot }: UnlockedUser, { slots }: UserKeyring): string[] =>
  slots.filter(({ kind, id }) => kind === 'session' && id !== slot.id).map(({ id }) => id);
