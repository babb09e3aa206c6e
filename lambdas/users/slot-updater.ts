/** Changes of a user's slots: pure next keyring, stored on condition of the one before, made again on what others left. */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import type { Slot } from '../../core/users/key-slot.ts';
import { maxSlots, type UserKeyring, verifyUserKeyring, withChangedSlots } from '../../core/users/user-keyring.ts';
import type { Clock } from '../shared/ports.ts';
import { hasPassed } from '../shared/timestamps.ts';
import { activeKeyring, type OpenUser } from './unlocked-user.ts';
import type { UserKeyringStore } from './user-ports.ts';

export interface SlotChange {
  readonly remove?: readonly string[];
  readonly add?: readonly Slot[];
}

/** Changes under way at once that a request puts up with. */
const tries = 6;

/** Whether a slot stays until it is taken away; the others end by themselves, and without one of these the user would with them. */
const lasts = ({ expiresAt }: Slot): boolean => expiresAt === undefined;

export class SlotChanges {
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
  async change(user: OpenUser, decide: (keyring: UserKeyring) => SlotChange | undefined): Promise<UserKeyring> {
    let { keyring } = user;
    for (let attempt = 0; attempt < tries; attempt++) {
      const wanted = decide(keyring);
      if (wanted === undefined) return keyring;
      const next = this.#next(user, keyring, wanted);
      if (await this.#keyrings.replace(next)) return next;
      keyring = await this.#reread(user);
      if (isMade(wanted, keyring)) return keyring;
      if (!keyring.slots.some(({ id }) => id === user.slot.id)) throw new VaultError('invalid_credential');
    }
    throw new VaultError('write_contention', { detail: 'Nothing was changed.' });
  }

  #next({ umk }: OpenUser, keyring: UserKeyring, { remove = [], add = [] }: SlotChange): UserKeyring {
    const now = this.#clock();
    const ended = keyring.slots.filter(({ expiresAt }) => hasPassed(expiresAt, now)).map(({ id }) => id);
    const gone = new Set([...remove, ...ended]);
    const left = [...keyring.slots.filter(({ id }) => !gone.has(id)), ...add];
    if (!left.some(lasts)) throw new VaultError('last_slot');
    if (left.length > maxSlots) throw new VaultError('too_many_slots');
    return withChangedSlots(keyring, umk, { remove: [...gone], add });
  }

  async #reread({ owner, umk }: OpenUser): Promise<UserKeyring> {
    const record = await this.#keyrings.stored(owner);
    try {
      const keyring = activeKeyring(record, owner);
      verifyUserKeyring(keyring, umk);
      return keyring;
    } catch (error) {
      if (error instanceof DecryptionError) throw new VaultError('invalid_credential');
      throw error;
    }
  }
}

/** Whether a change was made: each wrap has a nonce of its own, so nobody else has put in the same. */
const isMade = ({ add = [] }: SlotChange, { slots }: UserKeyring): boolean =>
  add.length > 0 && add.every(({ id, wrapped }) => slots.some((slot) => slot.id === id && slot.wrapped === wrapped));
