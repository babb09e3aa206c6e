/**
 * Changes the slots of a user. A pure function computes the next keyring, which is stored only if the previous one is
 * unchanged. If another request changed the keyring, the change is computed again.
 */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import type { Slot } from '../../core/users/key-slot.ts';
import { maxSlots, type UserKeyring, verifyUserKeyring, withChangedSlots } from '../../core/users/user-keyring.ts';
import type { Clock } from '../shared/ports.ts';
import { hasPassed } from '../shared/timestamps.ts';
import { requireActiveKeyring, type UnlockedUser } from './unlocked-user.ts';
import type { UserKeyringStore } from './user-ports.ts';

export interface SlotChange {
  readonly remove?: readonly string[];
  readonly add?: readonly Slot[];
}

/** Maximum number of attempts per request if other requests change the keyring concurrently. */
const maxAttempts = 6;

/** Whether a slot never expires. A user without such a slot would become inaccessible when the other slots expire. */
const isPermanent = ({ expiresAt }: Slot): boolean => expiresAt === undefined;

export class SlotUpdater {
  readonly #keyrings: UserKeyringStore;
  readonly #clock: Clock;

  constructor(keyrings: UserKeyringStore, clock: Clock) {
    this.#keyrings = keyrings;
    this.#clock = clock;
  }

  /**
   * Changes the slots of an unlocked user and removes expired slots. On every reread of the keyring, the presented slot
   * and the password slot that confirmed the request must still exist, because otherwise their permission was revoked
   * in the meantime. There is one exception: if the slots to add are already stored, the write succeeded and its reply
   * was lost.
   * @param decide returns the change for a keyring, or undefined for no change. Called again if another request changed
   *   the keyring
   * @returns the stored keyring after the change
   * @throws VaultError `last_slot`, `too_many_slots`, `invalid_credential`, `write_contention`; errors of `decide`
   */
  async update(user: UnlockedUser, decide: (keyring: UserKeyring) => SlotChange | undefined): Promise<UserKeyring> {
    let { keyring } = user;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const slotChange = decide(keyring);
      if (slotChange === undefined) return keyring;
      const next = this.#nextKeyring(user, keyring, slotChange);
      if (await this.#keyrings.replace(next)) return next;
      keyring = await this.#reread(user);
      if (isAlreadyApplied(slotChange, keyring)) return keyring;
      if (!hasPresentedSlots(user, keyring)) throw new VaultError('invalid_credential');
    }
    throw new VaultError('write_contention', { detail: 'Nothing was changed.' });
  }

  #nextKeyring({ umk }: UnlockedUser, keyring: UserKeyring, { remove = [], add = [] }: SlotChange): UserKeyring {
    const now = this.#clock();
    const expiredIds = keyring.slots.filter(({ expiresAt }) => hasPassed(expiresAt, now)).map(({ id }) => id);
    const removedIds = new Set([...remove, ...expiredIds]);
    const remaining = [...keyring.slots.filter(({ id }) => !removedIds.has(id)), ...add];
    if (!remaining.some(isPermanent)) throw new VaultError('last_slot');
    if (remaining.length > maxSlots) throw new VaultError('too_many_slots');
    return withChangedSlots(keyring, umk, { remove: [...removedIds], add });
  }

  async #reread({ owner, umk }: UnlockedUser): Promise<UserKeyring> {
    const record = await this.#keyrings.getRecord(owner);
    try {
      const keyring = requireActiveKeyring(record, owner);
      verifyUserKeyring(keyring, umk);
      return keyring;
    } catch (error) {
      if (error instanceof DecryptionError) throw new VaultError('invalid_credential');
      throw error;
    }
  }
}

const hasPresentedSlots = ({ slot, confirmedBy = slot.id }: UnlockedUser, { slots }: UserKeyring): boolean =>
  [slot.id, confirmedBy].every((id) => slots.some((one) => one.id === id));

/**
 * Whether a change is already stored. Each wrap has a unique nonce, so no other request can have stored the same slot.
 */
const isAlreadyApplied = ({ add = [] }: SlotChange, { slots }: UserKeyring): boolean =>
  add.length > 0 && add.every(({ id, wrapped }) => slots.some((slot) => slot.id === id && slot.wrapped === wrapped));
