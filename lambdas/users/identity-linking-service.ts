/**
 * Links identities by codes. One channel or the API issues a code, and another channel sends it. Both then open the
 * same UMK.
 */
import { randomBytes } from 'node:crypto';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { StartLinkResponse } from '../../contract/users/wire.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { createLinkCode, linkCodeHandle, parseLinkCode } from '../../core/users/confirmation-codes.ts';
import { newSlotSalt, type Slot, type SlotMetadata, wrapUmk } from '../../core/users/key-slot.ts';
import { linkCodeMacInput, locatorMacInput } from '../../core/users/slot-mac-inputs.ts';
import type { UserKeyring } from '../../core/users/user-keyring.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { Clock } from '../shared/ports.ts';
import { addSeconds } from '../shared/timestamps.ts';
import { createIdentitySlot, type VerifiedIdentity } from './identity-user-service.ts';
import type { LocatorRegistry } from './locator-registry.ts';
import { readWithinMaxAge } from './read-freshness.ts';
import type { SlotUpdater } from './slot-updater.ts';
import { activeUserKeyring, type UnlockedUser, unlockSlot } from './unlocked-user.ts';
import type { CodeMacs, LocatorStore, RoutingMacs, UserReader } from './user-ports.ts';

export interface IdentityLinkingServiceDeps {
  readonly reader: UserReader;
  readonly locatorStore: LocatorStore;
  readonly locatorRegistry: LocatorRegistry;
  readonly codeMacs: CodeMacs;
  readonly routingMacs: RoutingMacs;
  readonly slotUpdater: SlotUpdater;
  readonly clock: Clock;
}

/** Number of random handles to try. Of a million handles, only those of codes from the last few minutes are in use. */
const maxCodeDraws = 5;

export class IdentityLinkingService {
  readonly #deps: IdentityLinkingServiceDeps;

  constructor(deps: IdentityLinkingServiceDeps) {
    this.#deps = deps;
  }

  /** Creates a link code and revokes the previous one of the user. */
  async createLinkCode(user: UnlockedUser): Promise<StartLinkResponse> {
    const { locatorStore, codeMacs, clock, slotUpdater } = this.#deps;
    const { owner } = user;
    const now = clock();
    const expiresAt = addSeconds(now, limits.linkCodeSeconds);
    const id = randomId();
    const { code, shown, locator } = await this.#claimUnusedCode(owner, id, expiresAt);
    const secret = await codeMacs.deriveCodeSecret(linkCodeMacInput(owner.org, code));
    const salt = newSlotSalt(owner, 'link');
    const facts: SlotMetadata = { id, kind: 'link', locator, salt, createdAt: now.toISOString(), expiresAt };
    const slot = user.withRootKey((root) => wrapUmk(root, secret, owner, facts));
    secret.fill(0);
    const replaced: Slot[] = [];
    await slotUpdater.update(user, ({ slots }) => {
      replaced.splice(0, Number.POSITIVE_INFINITY, ...slots.filter((one) => one.kind === 'link' && one.id !== id));
      return { remove: replaced.map((replacedSlot) => replacedSlot.id), add: [slot] };
    });
    for (const replacedSlot of replaced)
      await locatorStore.remove(owner.org, replacedSlot.locator, owner.user, replacedSlot.id);
    return { code: shown, expiresAt };
  }

  /** Draws a code with an unused handle and claims the handle for this slot. */
  async #claimUnusedCode({ org, user }: UserRef, slot: string, expiresAt: string) {
    for (let attempt = 0; attempt < maxCodeDraws; attempt++) {
      const random = randomBytes(12);
      const formattedCode = createLinkCode(random);
      random.fill(0);
      const code = parseLinkCode(formattedCode);
      if (code === undefined) throw new Error('the generated link code does not parse');
      const locator = await this.#deps.routingMacs.deriveLocator(locatorMacInput(org, linkCodeHandle(code)));
      const claimed = await this.#deps.locatorStore.claim(org, { locator, user, slot, expiresAt, tries: 0 }, undefined);
      if (claimed) return { code, shown: formattedCode, locator };
    }
    throw new VaultError('write_contention', { detail: 'No code was created.' });
  }

  /**
   * Links an identity to the user of a code. Each try counts, whatever its result. A code links only once: the write
   * that adds the slot of the identity also removes the slot of the code.
   * @param typedCode the code as typed by a person
   * @param receivedAt when the message with the code was received: creation time of the new slot
   *   (identity-user-service.ts)
   * @returns `refused` for any invalid code; `taken` if the identity already belongs to another user
   * @throws VaultError `too_many_slots`, `write_contention`, `unavailable`, `key_unavailable`
   */
  async redeemLinkCode(
    key: VerifiedIdentity,
    typedCode: string,
    receivedAt = this.#deps.clock(),
  ): Promise<{ user: string } | 'refused' | 'taken'> {
    const code = parseLinkCode(typedCode);
    if (code === undefined) return 'refused';
    const { org } = key;
    const locator = await this.#deps.routingMacs.deriveLocator(locatorMacInput(org, linkCodeHandle(code)));
    const storedLocator = await this.#deps.locatorStore.countLinkCodeTry(org, locator, this.#deps.clock());
    if (storedLocator?.slot === undefined) return 'refused';
    const owner = { org, user: storedLocator.user };
    const secret = await this.#deps.codeMacs.deriveCodeSecret(linkCodeMacInput(org, code));
    try {
      const user = await this.#unlockWithLinkCode(owner, storedLocator.slot, locator, secret);
      if (user === undefined) return 'refused';
      return await this.#addIdentitySlot(user, key, receivedAt);
    } finally {
      secret.fill(0);
    }
  }

  async #unlockWithLinkCode(
    owner: UserRef,
    slotId: string,
    locator: string,
    secret: Uint8Array,
  ): Promise<UnlockedUser | undefined> {
    const read = await readWithinMaxAge(() => this.#deps.reader.read(owner, []));
    try {
      const keyring = activeUserKeyring(read, owner);
      const slot = keyring?.slots.find((one) => one.id === slotId && one.kind === 'link' && one.locator === locator);
      if (keyring === undefined || slot === undefined) return undefined;
      return unlockSlot(secret, read, keyring, slot, this.#deps.clock());
    } catch (error) {
      if (isInvalidCodeError(error)) return undefined;
      throw error;
    }
  }

  async #addIdentitySlot(
    user: UnlockedUser,
    key: VerifiedIdentity,
    receivedAt: Date,
  ): Promise<{ user: string } | 'refused' | 'taken'> {
    const { owner, slot } = user;
    const { org } = owner;
    const isLinked = ({ slots }: UserKeyring) =>
      slots.some(({ kind, locator }) => kind === 'identity' && locator === key.locator);
    const id = randomId();
    // If the identity is already linked, no slot is added, and the locator keeps the claim for the existing slot.
    const wasLinked = isLinked(user.keyring);
    if (
      !wasLinked &&
      (await this.#deps.locatorRegistry.claimOrGetHolder(org, key.locator, owner.user, id)) !== owner.user
    )
      return 'taken';
    const createdAt = receivedAt.toISOString();
    const identitySlot = user.withRootKey((root) => createIdentitySlot(key, owner, root, { id, createdAt }));
    try {
      await this.#deps.slotUpdater.update(user, (keyring) => ({
        remove: [slot.id],
        add: wasLinked || isLinked(keyring) ? [] : [identitySlot],
      }));
    } catch (error) {
      // The slot of the code no longer exists: another request used the code first.
      if (isInvalidCodeError(error)) return 'refused';
      throw error;
    }
    // The identity is linked. A failure here does not change that, and the locator of the code expires.
    await this.#deps.locatorStore.remove(org, slot.locator, owner.user, slot.id).catch(ignoreVaultError);
    return { user: owner.user };
  }
}

function ignoreVaultError(error: unknown): void {
  if (!(error instanceof VaultError)) throw error;
}

const isInvalidCodeError = (error: unknown): boolean =>
  error instanceof DecryptionError || (error instanceof VaultError && error.code === 'invalid_credential');
