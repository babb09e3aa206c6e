/**
 * Requires the password for operations that a session alone must not authorize. A session is a cookie. Anyone who finds
 * an open browser has it, and so does a script on the page. For a week it can read and write data, but it must not
 * transfer or delete the account.
 */
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { SlotKind } from '../../core/users/key-slot.ts';
import type { AttemptStore } from '../shared/attempt-ports.ts';
import type { Clock } from '../shared/ports.ts';
import { countLoginAttempt } from './attempt-limits.ts';
import type { PasswordSlotService } from './password-slot-service.ts';
import type { UnlockedUser } from './unlocked-user.ts';

/** Slots that a session must not remove without the password, because the owner would be locked out. */
const permanentLoginSlotKinds: readonly SlotKind[] = ['identity', 'credential'];

export class ReauthenticationService {
  readonly #attempts: AttemptStore;
  readonly #passwordSlots: Pick<PasswordSlotService, 'verifyPassword'>;
  readonly #clock: Clock;

  constructor(attempts: AttemptStore, passwordSlots: Pick<PasswordSlotService, 'verifyPassword'>, clock: Clock) {
    this.#attempts = attempts;
    this.#passwordSlots = passwordSlots;
    this.#clock = clock;
  }

  /**
   * Requires the password from a caller with a session. Other credentials pass without it. Returns the user for the
   * change, which is then bound to the password that was checked: if another request replaces that password first, the
   * change is refused.
   * @throws VaultError `invalid_request` if the password is missing; `login_refused` for a wrong password, which counts
   *   as a login attempt; `too_many_attempts`; `forbidden` if the user has no password; `key_unavailable`,
   *   `unavailable`
   */
  async requirePassword(user: UnlockedUser, currentPassword: string | undefined): Promise<UnlockedUser> {
    if (user.slot.kind !== 'session') return user;
    const slot = user.keyring.slots.find(({ kind }) => kind === 'password');
    // Sessions end when the password is removed.
    if (slot === undefined) throw new VaultError('forbidden', { detail: 'Send the user key, not a session.' });
    if (currentPassword === undefined) {
      const message = 'is required for this operation with a session';
      throw new VaultError('invalid_request', { errors: [{ path: 'currentPassword', message }] });
    }
    const { org } = user.owner;
    await countLoginAttempt(this.#attempts, org, slot.locator, this.#clock());
    const secret = await this.#passwordSlots.verifyPassword(currentPassword, user.owner, slot);
    if (secret === undefined) throw new VaultError('login_refused');
    secret.fill(0);
    await this.#attempts.resetAttempts(org, slot.locator);
    return { ...user, confirmedBy: slot.id };
  }

  /**
   * Applies {@link requirePassword} to the removal of a slot. A session may remove sessions and link codes without the
   * password.
   * @throws as {@link requirePassword}
   */
  async requirePasswordForSlotRemoval(
    user: UnlockedUser,
    slotId: string,
    currentPassword: string | undefined,
  ): Promise<UnlockedUser> {
    const slot = user.keyring.slots.find(({ id }) => id === slotId);
    return slot !== undefined && permanentLoginSlotKinds.includes(slot.kind)
      ? await this.requirePassword(user, currentPassword)
      : user;
  }
}
