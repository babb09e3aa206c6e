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
import { type IdentityKey, identitySlot } from './identity-unlock.ts';
import type { Locators } from './locator-claims.ts';
import { readFresh } from './read-freshness.ts';
import type { SlotChanges } from './slot-updater.ts';
import { type OpenUser, openSlot, userKeyringOf } from './unlocked-user.ts';
import type { CodeMacs, LocatorStore, RoutingMacs, UserReader } from './user-ports.ts';

export interface LinkingParts {
  readonly reader: UserReader;
  readonly store: LocatorStore;
  readonly locators: Locators;
  readonly codes: CodeMacs;
  readonly routing: RoutingMacs;
  readonly changes: SlotChanges;
  readonly clock: Clock;
}

/** Handles that are drawn before it is given up: of a million, those of codes of the last minutes are taken. */
const draws = 5;

export class Linking {
  readonly #parts: LinkingParts;

  constructor(parts: LinkingParts) {
    this.#parts = parts;
  }

  /**
   * A new code; one that the user had before works no more.
   * @throws VaultError `too_many_slots`, `write_contention`, `unavailable`, `key_unavailable`
   */
  async start(user: OpenUser): Promise<StartLinkResponse> {
    const { store, codes, clock, changes } = this.#parts;
    const { owner } = user;
    const now = clock();
    const expiresAt = addSeconds(now, limits.linkCodeSeconds);
    const id = randomId();
    const { code, shown, locator } = await this.#draw(owner, id, expiresAt);
    const secret = await codes.code(linkCodeMacInput(owner.org, code));
    const salt = newSlotSalt(owner, 'link');
    const facts: SlotMetadata = { id, kind: 'link', locator, salt, createdAt: now.toISOString(), expiresAt };
    const slot = user.withRoot((root) => wrapUmk(root, secret, owner, facts));
    secret.fill(0);
    const replaced: Slot[] = [];
    await changes.change(user, ({ slots }) => {
      replaced.splice(0, Number.POSITIVE_INFINITY, ...slots.filter((one) => one.kind === 'link' && one.id !== id));
      return { remove: replaced.map((old) => old.id), add: [slot] };
    });
    for (const old of replaced) await store.remove(owner.org, old.locator, owner.user, old.id);
    return { code: shown, expiresAt };
  }

  /** A code whose handle is free, and is this slot's from now on. */
  async #draw({ org, user }: UserRef, slot: string, expiresAt: string) {
    for (let draw = 0; draw < draws; draw++) {
      const random = randomBytes(12);
      const shown = createLinkCode(random);
      random.fill(0);
      const code = parseLinkCode(shown);
      if (code === undefined) throw new Error('the code that was drawn is none');
      const locator = await this.#parts.routing.locator(locatorMacInput(org, linkCodeHandle(code)));
      const claimed = await this.#parts.store.claim(org, { locator, user, slot, expiresAt, tries: 0 }, undefined);
      if (claimed) return { code, shown, locator };
    }
    throw new VaultError('write_contention', { detail: 'No code was made.' });
  }

  /**
   * Links an identity to the user of a code. Each try counts, whatever comes of it, and a code links once: the slot that it opens is
   * taken away by the very write that puts in the identity's.
   * @param typed the code as a person wrote it
   * @param at when the message came that brings it: the time of the new slot (identities.ts)
   * @returns `refused` for every cause that lies in the code; `taken` when the identity has another user already
   * @throws VaultError `too_many_slots`, `write_contention`, `unavailable`, `key_unavailable`
   */
  async redeem(
    key: IdentityKey,
    typed: string,
    at = this.#parts.clock(),
  ): Promise<{ user: string } | 'refused' | 'taken'> {
    const code = parseLinkCode(typed);
    if (code === undefined) return 'refused';
    const { org } = key;
    const locator = await this.#parts.routing.locator(locatorMacInput(org, linkCodeHandle(code)));
    const tried = await this.#parts.store.try(org, locator, this.#parts.clock());
    if (tried?.slot === undefined) return 'refused';
    const owner = { org, user: tried.user };
    const secret = await this.#parts.codes.code(linkCodeMacInput(org, code));
    try {
      const user = await this.#open(owner, tried.slot, locator, secret);
      if (user === undefined) return 'refused';
      return await this.#link(user, key, at);
    } finally {
      secret.fill(0);
    }
  }

  async #open(owner: UserRef, id: string, locator: string, secret: Uint8Array): Promise<OpenUser | undefined> {
    const read = await readFresh(() => this.#parts.reader.read(owner, []));
    try {
      const keyring = userKeyringOf(read, owner);
      const slot = keyring?.slots.find((one) => one.id === id && one.kind === 'link' && one.locator === locator);
      if (keyring === undefined || slot === undefined) return undefined;
      return openSlot(secret, read, keyring, slot, this.#parts.clock());
    } catch (error) {
      if (isRefusal(error)) return undefined;
      throw error;
    }
  }

  async #link(user: OpenUser, key: IdentityKey, at: Date): Promise<{ user: string } | 'refused' | 'taken'> {
    const { owner, slot: link } = user;
    const { org } = owner;
    const isLinked = ({ slots }: UserKeyring) =>
      slots.some(({ kind, locator }) => kind === 'identity' && locator === key.locator);
    const id = randomId();
    // Where it is linked already no slot comes next, and its locator stays that of the one that is there.
    const wasLinked = isLinked(user.keyring);
    if (!wasLinked && (await this.#parts.locators.take(org, key.locator, owner.user, id)) !== owner.user)
      return 'taken';
    const createdAt = at.toISOString();
    const added = user.withRoot((root) => identitySlot(key, owner, root, { id, createdAt }));
    try {
      await this.#parts.changes.change(user, (keyring) => ({
        remove: [link.id],
        add: wasLinked || isLinked(keyring) ? [] : [added],
      }));
    } catch (error) {
      // The code's slot has gone meanwhile: whoever was first used it up.
      if (isRefusal(error)) return 'refused';
      throw error;
    }
    // It is linked: what fails here is no failure of it, and the code's locator ends by itself.
    await this.#parts.store.remove(org, link.locator, owner.user, link.id).catch(letPass);
    return { user: owner.user };
  }
}

function letPass(error: unknown): void {
  if (!(error instanceof VaultError)) throw error;
}

const isRefusal = (error: unknown): boolean =>
  error instanceof DecryptionError || (error instanceof VaultError && error.code === 'invalid_credential');
