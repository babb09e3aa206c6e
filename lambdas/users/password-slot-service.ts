/**
 * Verifies and creates password slots. Deriving the secret of a slot requires Argon2id and a MAC by KMS. A copy of
 * the table alone therefore permits no guessing, and access to KMS alone permits no fast guessing.
 */
import { timingSafeEqual } from 'node:crypto';
import { newSlotSalt, type PasswordParams, type Slot, wrapUmk } from '../../core/users/key-slot.ts';
import { defaultArgon2idParams, stretchPassword, verifierOf } from '../../core/users/password-slot.ts';
import { passwordMacInput } from '../../core/users/slot-mac-inputs.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { SlotChange } from './slot-updater.ts';
import type { UnlockedUser } from './unlocked-user.ts';
import type { CodeMacs } from './user-ports.ts';

/** Placeholder slot for an unknown login, so that the work is the same. */
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
   * Returns the secret that opens a password slot, 32 bytes, if the password is correct. The caller zeroes it. Without
   * a slot, the same work is done.
   * @param slot of kind `password`; undefined for an unknown login
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

  /**
   * Creates a password slot with the current cost parameters, for an unlocked user.
   * @param id id of the slot that the locator was claimed for
   */
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

  /**
   * Returns the change that recreates a password slot whose cost is below the current one. The slot keeps its id, so
   * that concurrent logins still find it.
   */
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
