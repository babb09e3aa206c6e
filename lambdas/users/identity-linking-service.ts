/** Linking a channel: a code that one channel, or the API, gives and another sends. Both then open the same UMK. */
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

/** Handles that are drawn before it is given up: of a million, those of codes of the last minutes are taken. */
const maxCodeDraws = 5;

export class IdentityLinkingService {
  readonly #deps: IdentityLinkingServiceDeps;

  constructor(deps: IdentityLinkingServiceDeps) {
    this.#deps = deps;
  }

  /**
   * A new code; one that the user had before works no more.
   * @throws VaultError `too_many_slots`, `write_contention`, `unavailable`, `key_unavailable`
   */
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

  /** A code whose handle is free, and is this slot's from now on. */
  async #claimUnusedCode({ org, user }: UserRef, slot: string, expiresAt: string) {
    for (let attempt = 0; attempt < maxCodeDraws; attempt++) {
      const random = randomBytes(12);
      const formattedCode = createLinkCode(random);
      random.fill(0);
      const code = parseLinkCode(formattedCode);
      if (code === undefined) throw new Error('the code that was drawn is none');
      const locator = await this.#deps.routingMacs.deriveLocator(locatorMacInput(org, linkCodeHandle(code)));
      const claimed = await this.#deps.locatorStore.claim(org, { locator, user, slot, expiresAt, tries: 0 }, undefined);
      if (claimed) return { code, shown: formattedCode, locator };
    }
    throw new VaultError('write_contention', { detail: 'No code was made.' });
  }

  /**
   * Links an identity to the user of a code. Each try counts, whatever comes of it, and a code links once: the slot that it opens is
   * taken away by the very write that puts in the identity's.
   * @param typedCode the code as a person wrote it
   * @param receivedAt when the message came that brings it: the time of the new slot (identities.ts)
   * @returns `refused` for every cause that lies in the code; `taken` when the identity has another user already
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
    // Where it is linked already no slot comes next, and its locator stays that of the one that is there.
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
      // The code's slot has gone meanwhile: whoever was first used it up.
      if (isInvalidCodeError(error)) return 'refused';
      throw error;
    }
    // It is linked: what fails here is no failure of it, and the code's locator ends by itself.
    await this.#deps.locatorStore.remove(org, slot.locator, owner.user, slot.id).catch(ignoreVaultError);
    return { user: owner.user };
  }
}

function ignoreVaultError(error: unknown): void {
  if (!(error instanceof VaultError)) throw error;
}

const isInvalidCodeError = (error: unknown): boolean =>
  error instanceof DecryptionError || (error instanceof VaultError && error.code === 'invalid_credential');
