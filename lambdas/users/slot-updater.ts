/** Changes of a user's slots: pure next keyring, stored on condition of the one before, made again on what others left. */
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

/** Changes under way at once that a request puts up with. */
const maxAttempts = 6;

/** Whether a slot stays until it is taken away; the others end by themselves, and without one of these the user would with them. */
const isPermanent = ({ expiresAt }: Slot): boolean => expiresAt === undefined;

export class SlotUpdater {
  readonly #keyrings: UserKeyringStore;
  readonly #clock: Clock;

  constructor(keyrings: UserKeyringStore, clock: Clock) {
    this.#keyrings = keyrings;
    this.#clock = clock;
  }

  /**
   * Changes the slots of a user who is there; what has ended goes along. The slot that was presented must be there still whenever the
   * keyring is read again, or what it allows was taken back meanwhile; unless what is to be added is there: then the write was made, and
   * its reply lost.
   * @param decide what to change of a keyring; undefined for nothing. Asked again when others have changed it
   * @returns the keyring as it is stored then
   * @throws VaultError `last_slot`, `too_many_slots`, `invalid_credential`, `write_contention`; what `decide` throws
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
      if (!keyring.slots.some(({ id }) => id === user.slot.id)) throw new VaultError('invalid_credential');
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

/** Whether a change was made: each wrap has a nonce of its own, so nobody else has put in the same. */
const isAlreadyApplied = ({ add = [] }: SlotChange, { slots }: UserKeyring): boolean =>
  add.length > 0 && add.every(({ id, wrapped }) => slots.some((slot) => slot.id === id && slot.wrapped === wrapped));
