/**
 * What a session alone may not do. It is a cookie that whoever found a browser open has, or a script on the page: for a week it reads and
 * writes, but it must not make the account another's, nor end it. For that the password is asked for once more.
 */
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { SlotKind } from '../../core/users/key-slot.ts';
import type { Clock } from '../shared/ports.ts';
import type { PasswordSlotService } from './password-slot-service.ts';
import type { UnlockedUser } from './unlocked-user.ts';
import type { LoginAttemptStore } from './user-ports.ts';

/** Ways in that a session may not take away: the owner would be locked out. */
const permanentLoginSlotKinds: readonly SlotKind[] = ['identity', 'credential'];

export class ReauthenticationService {
  readonly #attempts: LoginAttemptStore;
  readonly #passwordSlots: Pick<PasswordSlotService, 'verifyPassword'>;
  readonly #clock: Clock;

  constructor(attempts: LoginAttemptStore, passwordSlots: Pick<PasswordSlotService, 'verifyPassword'>, clock: Clock) {
    this.#attempts = attempts;
    this.#passwordSlots = passwordSlots;
    this.#clock = clock;
  }

  /**
   * Lets who came by a session pass with the password alone; who came otherwise passes.
   * @throws VaultError `invalid_request` without one; `login_refused` for a wrong one, which counts as an attempt to log in;
   *   `too_many_attempts`; `forbidden` when the user has no password; `key_unavailable`, `unavailable`
   */
  async requirePassword(user: UnlockedUser, currentPassword: string | undefined): Promise<void> {
    if (user.slot.kind !== 'session') return;
    const slot = user.keyring.slots.find(({ kind }) => kind === 'password');
    // Sessions end with the password.
    if (slot === undefined) throw new VaultError('forbidden', { detail: 'Present the user key, not a session.' });
    if (currentPassword === undefined) {
      const message = 'is needed for this by a session';
      throw new VaultError('invalid_request', { errors: [{ path: 'currentPassword', message }] });
    }
    const { org } = user.owner;
    if (!(await this.#attempts.countAttempt(org, slot.locator, this.#clock())))
      throw new VaultError('too_many_attempts');
    const secret = await this.#passwordSlots.verifyPassword(currentPassword, user.owner, slot);
    if (secret === undefined) throw new VaultError('login_refused');
    secret.fill(0);
    await this.#attempts.resetAttempts(org, slot.locator);
  }

  /** The same for the removal of a slot; of sessions and codes every session may dispose. @throws as {@link requirePassword} */
  async requirePasswordForSlotRemoval(
    user: UnlockedUser,
    slotId: string,
    currentPassword: string | undefined,
  ): Promise<void> {
    const slot = user.keyring.slots.find(({ id }) => id === slotId);
    if (slot !== undefined && permanentLoginSlotKinds.includes(slot.kind))
      await this.requirePassword(user, currentPassword);
  }
}
