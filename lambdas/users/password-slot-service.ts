/**
 * Slots of passwords: checked and made. The secret of one takes Argon2id and a MAC by KMS: so a copy of the table alone allows no guessing,
 * and the use of KMS alone none that is fast.
 */
import { timingSafeEqual } from 'node:crypto';
import { newSlotSalt, type PasswordParams, type Slot, wrapUmk } from '../../core/users/key-slot.ts';
import { defaultArgon2idParams, stretchPassword, verifierOf } from '../../core/users/password-slot.ts';
import { passwordMacInput } from '../../core/users/slot-mac-inputs.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { SlotChange } from './slot-updater.ts';
import type { UnlockedUser } from './unlocked-user.ts';
import type { CodeMacs } from './user-ports.ts';

/** Stands for the slot of a login that nobody has: the work is the same. */
const dummySlot: Pick<Slot, 'id' | 'salt'> & { readonly params: PasswordParams } = {
  id: '0'.repeat(16),
  salt: Buffer.alloc(32).toString('base64'),
  params: { ...defaultArgon2idParams, verifier: Buffer.alloc(32).toString('base64') },
};

export class PasswordSlotService {
  readonly #codeMacs: CodeMacs;

  constructor(codeMacs: CodeMacs) {
    this.#codeMacs = codeMacs;
  }

  /**
   * What opens a password slot, 32 bytes, if the password is the slot's; the caller zeroes it. Without a slot all the same work is done.
   * @param slot of kind `password`; undefined for a login that nobody has
   */
  async verifyPassword(password: string, owner: UserRef, slot: Slot | undefined): Promise<Buffer | undefined> {
    const { id, salt, params = dummySlot.params } = slot ?? dummySlot;
    const secret = await this.#deriveSecret(password, owner, { id, salt }, params);
    const actual = Buffer.from(verifierOf(secret, owner, { id, salt }), 'base64');
    const expected = Buffer.from(params.verifier, 'base64');
    const matches = expected.length === actual.length && timingSafeEqual(expected, actual);
    if (matches && slot?.params !== undefined) return secret;
    secret.fill(0);
    return undefined;
  }

  /** A slot of a password, at the cost of now, for a user who is there. @param id for which its locator was claimed */
  async createSlot(
    user: UnlockedUser,
    { id, locator, createdAt }: Pick<Slot, 'id' | 'locator' | 'createdAt'>,
    password: string,
  ): Promise<Slot> {
    const { owner } = user;
    const salt = newSlotSalt(owner, 'password');
    const secret = await this.#deriveSecret(password, owner, { id, salt }, defaultArgon2idParams);
    const params = { ...defaultArgon2idParams, verifier: verifierOf(secret, owner, { id, salt }) };
    try {
      return user.withRootKey((root) =>
        wrapUmk(root, secret, owner, { id, kind: 'password', locator, salt, params, createdAt }),
      );
    } finally {
      secret.fill(0);
    }
  }

  /** What makes the slot of a password anew whose cost is below that of now; under its id, so that other logins at the time find it too. */
  async upgradeCost(user: UnlockedUser, slot: Slot, password: string, createdAt: string): Promise<SlotChange> {
    const { params } = slot;
    const isCurrent =
      params !== undefined &&
      params.memory >= defaultArgon2idParams.memory &&
      params.passes >= defaultArgon2idParams.passes &&
      params.lanes === defaultArgon2idParams.lanes;
    if (isCurrent) return {};
    return {
      remove: [slot.id],
      add: [await this.createSlot(user, { id: slot.id, locator: slot.locator, createdAt }, password)],
    };
  }

  async #deriveSecret(
    password: string,
    owner: UserRef,
    { id, salt }: Pick<Slot, 'id' | 'salt'>,
    cost: Pick<PasswordParams, 'memory' | 'passes' | 'lanes'>,
  ): Promise<Buffer> {
    const stretched = await stretchPassword(password, { salt }, cost);
    const message = passwordMacInput(owner, id, stretched);
    stretched.fill(0);
    try {
      return await this.#codeMacs.deriveCodeSecret(message);
    } finally {
      message.fill(0);
    }
  }
}
