/** Users by the identities that providers vouch for: found by the MAC of one key, opened by that of another. */

import { VaultError } from '../../contract/shared/vault-error.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { newSlotSalt, type Slot, wrapUmk } from '../../core/users/key-slot.ts';
import { identityMacInput, locatorMacInput } from '../../core/users/slot-mac-inputs.ts';
import { newUserKeyring } from '../../core/users/user-keyring.ts';
import { deriveUmk, newUmk, type UserRef } from '../../core/users/user-root-key.ts';
import { assertOrgActive, parseStoredKeyring } from '../org-keys/keyring-opener.ts';
import { undefinedIfUndecryptable } from '../shared/batch-item-result.ts';
import type { Clock } from '../shared/ports.ts';
import { userOrDamage } from './corrupt-user-keyring.ts';
import type { Found, Locators } from './locator-claims.ts';
import type { Leading } from './locator-release.ts';
import { type OpenUser, openSlot, userKeyringOf } from './unlocked-user.ts';
import type { CustodyMacs, RoutingMacs, UserKeyringStore, UserRead, UserReader } from './user-ports.ts';

/** An identity whose sender is there, for the time of one message. */
export interface IdentityKey {
  readonly org: string;
  /** Canonical (core/users/canonical-identity.ts). */
  readonly identity: string;
  readonly locator: string;
  /** What opens its slots, 32 bytes: whoever asked for it zeroes it. */
  readonly secret: Buffer;
}

export interface IdentityParts {
  readonly reader: UserReader;
  readonly keyrings: UserKeyringStore;
  readonly locators: Locators;
  readonly custody: CustodyMacs;
  readonly routing: RoutingMacs;
  readonly clock: Clock;
}

const tries = 4;
/**
 * Milliseconds by which a sender's first message may be overtaken by later ones: webhooks run side by side, and a provider repeats the one
 * that failed. So much earlier than what comes first here is the slot's time, since what came before a slot's time is not its user's.
 */
const overtaking = 3_600_000;

export class Identities {
  readonly #parts: IdentityParts;

  constructor(parts: IdentityParts) {
    this.#parts = parts;
  }

  locator(org: string, identity: string): Promise<string> {
    return this.#parts.routing.locator(locatorMacInput(org, identity));
  }

  /**
   * What opens an identity's slots: only while a verified message of its sender is being handled may this be asked for.
   * @param locator of the identity, where it is known already
   */
  async key(org: string, identity: string, locator?: string): Promise<IdentityKey> {
    const found = locator ?? (await this.locator(org, identity));
    return {
      org,
      identity,
      locator: found,
      secret: await this.#parts.custody.custody(identityMacInput(org, identity)),
    };
  }

  /**
   * The user of an identity; a new one if there is none, or none any more. A locator left by what broke off, or by a user who was deleted
   * or has unlinked the identity, is taken for the new one.
   * @param at when the message came: one that came before its sender's account was deleted begins no other, and a user that is made bears
   *   that time, or one before it that nothing of an earlier account can have, not that of the making: a message that is handled again
   *   and came before is known by it, however late it is
   * @returns undefined for such a message
   * @throws VaultError `user_not_found` for an org that does not exist, `org_locked`, `org_shredded`, `write_contention`
   */
  async ensureUser(key: IdentityKey, at?: Date): Promise<{ owner: UserRef; created: boolean } | undefined> {
    const { org, locator } = key;
    for (let attempt = 0; attempt < tries; attempt++) {
      const found = await this.#parts.locators.look(org, locator);
      if (found?.hasSlot) return { owner: { org, user: found.user }, created: false };
      if (at !== undefined && Date.parse(found?.deletedAt ?? '') >= at.getTime()) return undefined;
      const time = at === undefined ? this.#parts.clock() : beginning(at, found);
      const owner = await this.#make(key, found, time.toISOString());
      if (owner !== undefined) return { owner, created: true };
    }
    throw new VaultError('write_contention', { detail: 'No user was made.' });
  }

  /** Undefined when another was first. */
  async #make(key: IdentityKey, found: Found | undefined, createdAt: string): Promise<UserRef | undefined> {
    const { org, locator } = key;
    const { locators, keyrings } = this.#parts;
    // One whose making was broken off, or is under way elsewhere, is made under the id that it has: once, whoever is first.
    const made = found === undefined || found.exists ? undefined : found;
    const owner = { org, user: made?.user ?? randomId() };
    const id = made?.slot ?? randomId();
    await this.#refuseShut(owner);
    if ((await locators.take(org, locator, owner.user, id)) !== owner.user) return undefined;
    return (await keyrings.create(newKeyring(key, owner, { id, createdAt }))) ? owner : undefined;
  }

  async #refuseShut(owner: UserRef): Promise<void> {
    const { orgKeyring } = await this.#parts.reader.read(owner, []);
    if (orgKeyring === undefined) throw new VaultError('user_not_found');
    assertOrgActive(parseStoredKeyring(orgKeyring, owner.org));
  }
}

/**
 * The time of a new user's slot. Of a sender who is not known, nothing came before that is not this user's; of one who was deleted, nothing
 * after that. Of one who has unlinked, the locator tells no time, and a message that unlinks may come again: then it begins with this one,
 * and so it does where a making was broken off, since that may have been of such a one.
 */
function beginning(at: Date, found: Found | undefined): Date {
  if (found !== undefined && found.deletedAt === undefined) return at;
  const earliest = found?.deletedAt === undefined ? 0 : Date.parse(found.deletedAt) + 1;
  return new Date(Math.max(at.getTime() - overtaking, earliest));
}

function newKeyring(key: IdentityKey, owner: UserRef, facts: Pick<Slot, 'id' | 'createdAt'>) {
  const root = newUmk();
  try {
    const slot = identitySlot(key, owner, root, facts);
    return newUserKeyring(deriveUmk(Buffer.from(root), owner), [slot], facts.createdAt);
  } finally {
    root.fill(0);
  }
}

/** A new slot of an identity. @param root the UMK, 32 bytes, not zeroed here. @param id for which its locator was claimed */
export const identitySlot = (
  { secret, locator }: IdentityKey,
  owner: UserRef,
  root: Uint8Array,
  { id, createdAt }: Pick<Slot, 'id' | 'createdAt'>,
): Slot =>
  wrapUmk(root, secret, owner, {
    id,
    kind: 'identity',
    locator,
    salt: newSlotSalt(owner, 'identity'),
    createdAt,
  });

/**
 * Opens a user by an identity, from what was read for this very message; in one go, so that nothing can come between reading and opening.
 * @returns undefined when the user was deleted, has not that identity (any more), or what is stored does not open
 * @throws VaultError `org_locked`, `org_shredded`
 */
export function openIdentity(key: IdentityKey, owner: UserRef, read: UserRead, now: Date): OpenUser | undefined {
  return undefinedIfUndecryptable(() => {
    const keyring = userKeyringOf(read, owner);
    const slot = keyring?.slots.find(({ kind, locator }) => kind === 'identity' && locator === key.locator);
    if (keyring === undefined || slot === undefined) return undefined;
    return openSlot(key.secret, read, keyring, slot, now);
  });
}

/** Whether a user who was not opened is there nevertheless, and has the identity, as far as can be told of what is stored: it is damaged. */
export function isDamaged(key: IdentityKey, owner: UserRef, { keyring }: UserRead): boolean {
  if (keyring === undefined) return false;
  const stored = userOrDamage(keyring, owner);
  if (stored.state === 'deleted') return false;
  const slots: readonly Leading[] = stored.state === 'active' ? stored.slots : stored.leading;
  return slots.some(({ kind, locator }) => kind === 'identity' && locator === key.locator);
}

/** Whether a message came before the identity was its user's: then what it asks for, or brings, is not for this user. */
export const cameBefore = ({ slot }: OpenUser, at: Date): boolean => Date.parse(slot.createdAt) > at.getTime();
