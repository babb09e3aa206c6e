/** Users by the identities that providers vouch for: found by the MAC of one key, opened by that of another. */

import { VaultError } from '../../contract/shared/vault-error.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { newSlotSalt, type Slot, wrapUmk } from '../../core/users/key-slot.ts';
import { identityMacInput, locatorMacInput } from '../../core/users/slot-mac-inputs.ts';
import { newUserKeyring } from '../../core/users/user-keyring.ts';
import { deriveUmk, newUmk, type UserRef } from '../../core/users/user-root-key.ts';
import { assertOrgActive, parseStoredKeyring } from '../org-keys/keyring-opener.ts';
import { undefinedIfUndecryptable } from '../shared/error-classification.ts';
import type { Clock } from '../shared/ports.ts';
import { parseUserRecordOrCorrupt } from './corrupt-user-keyring.ts';
import type { LocatorRegistry, ResolvedLocator } from './locator-registry.ts';
import type { SlotLocator } from './locator-release.ts';
import { activeUserKeyring, type UnlockedUser, unlockSlot } from './unlocked-user.ts';
import type { CustodyMacs, RoutingMacs, StoredUserData, UserKeyringStore, UserReader } from './user-ports.ts';

/** An identity whose sender is there, for the time of one message. */
export interface VerifiedIdentity {
  readonly org: string;
  /** Canonical (core/users/canonical-identity.ts). */
  readonly identity: string;
  readonly locator: string;
  /** What opens its slots, 32 bytes: whoever asked for it zeroes it. */
  readonly slotSecret: Buffer;
}

export interface IdentityUserServiceDeps {
  readonly reader: UserReader;
  readonly keyrings: UserKeyringStore;
  readonly locatorRegistry: LocatorRegistry;
  readonly custodyMacs: CustodyMacs;
  readonly routingMacs: RoutingMacs;
  readonly clock: Clock;
}

const maxAttempts = 4;
/**
 * Milliseconds by which a sender's first message may be overtaken by later ones: webhooks run side by side, and a provider repeats the one
 * that failed. So much earlier than what comes first here is the slot's time, since what came before a slot's time is not its user's.
 */
const reorderToleranceMs = 3_600_000;

export class IdentityUserService {
  readonly #deps: IdentityUserServiceDeps;

  constructor(deps: IdentityUserServiceDeps) {
    this.#deps = deps;
  }

  locatorOf(org: string, identity: string): Promise<string> {
    return this.#deps.routingMacs.deriveLocator(locatorMacInput(org, identity));
  }

  /**
   * What opens an identity's slots: only while a verified message of its sender is being handled may this be asked for.
   * @param locator of the identity, where it is known already
   */
  async deriveKey(org: string, identity: string, locator?: string): Promise<VerifiedIdentity> {
    const found = locator ?? (await this.locatorOf(org, identity));
    return {
      org,
      identity,
      locator: found,
      slotSecret: await this.#deps.custodyMacs.deriveIdentitySecret(identityMacInput(org, identity)),
    };
  }

  /**
   * The user of an identity; a new one if there is none, or none any more. A locator left by what broke off, or by a user who was deleted
   * or has unlinked the identity, is taken for the new one.
   * @param receivedAt when the message came: one that came before its sender's account was deleted begins no other, and a user that is made bears
   *   that time, or one before it that nothing of an earlier account can have, not that of the making: a message that is handled again
   *   and came before is known by it, however late it is
   * @returns undefined for such a message
   * @throws VaultError `user_not_found` for an org that does not exist, `org_locked`, `org_shredded`, `write_contention`
   */
  async findOrCreateUser(
    key: VerifiedIdentity,
    receivedAt?: Date,
  ): Promise<{ owner: UserRef; created: boolean } | undefined> {
    const { org, locator } = key;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const found = await this.#deps.locatorRegistry.resolve(org, locator);
      if (found?.hasSlot) return { owner: { org, user: found.user }, created: false };
      if (receivedAt !== undefined && Date.parse(found?.deletedAt ?? '') >= receivedAt.getTime()) return undefined;
      const time = receivedAt === undefined ? this.#deps.clock() : slotCreationTime(receivedAt, found);
      const owner = await this.#createUser(key, found, time.toISOString());
      if (owner !== undefined) return { owner, created: true };
    }
    throw new VaultError('write_contention', { detail: 'No user was made.' });
  }

  /** Undefined when another was first. */
  async #createUser(
    key: VerifiedIdentity,
    found: ResolvedLocator | undefined,
    createdAt: string,
  ): Promise<UserRef | undefined> {
    const { org, locator } = key;
    const { locatorRegistry, keyrings } = this.#deps;
    // One whose making was broken off, or is under way elsewhere, is made under the id that it has: once, whoever is first.
    const incomplete = found === undefined || found.userExists ? undefined : found;
    const owner = { org, user: incomplete?.user ?? randomId() };
    const id = incomplete?.claimedSlotId ?? randomId();
    await this.#assertOrgActive(owner);
    if ((await locatorRegistry.claimOrGetHolder(org, locator, owner.user, id)) !== owner.user) return undefined;
    return (await keyrings.create(newIdentityKeyring(key, owner, { id, createdAt }))) ? owner : undefined;
  }

  async #assertOrgActive(owner: UserRef): Promise<void> {
    const { orgKeyring } = await this.#deps.reader.read(owner, []);
    if (orgKeyring === undefined) throw new VaultError('user_not_found');
    assertOrgActive(parseStoredKeyring(orgKeyring, owner.org));
  }
}

/**
 * The time of a new user's slot. Of a sender who is not known, nothing came before that is not this user's; of one who was deleted, nothing
 * after that. Of one who has unlinked, the locator tells no time, and a message that unlinks may come again: then it begins with this one,
 * and so it does where a making was broken off, since that may have been of such a one.
 */
function slotCreationTime(receivedAt: Date, found: ResolvedLocator | undefined): Date {
  if (found !== undefined && found.deletedAt === undefined) return receivedAt;
  const earliest = found?.deletedAt === undefined ? 0 : Date.parse(found.deletedAt) + 1;
  return new Date(Math.max(receivedAt.getTime() - reorderToleranceMs, earliest));
}

function newIdentityKeyring(key: VerifiedIdentity, owner: UserRef, facts: Pick<Slot, 'id' | 'createdAt'>) {
  const root = newUmk();
  try {
    const slot = createIdentitySlot(key, owner, root, facts);
    return newUserKeyring(deriveUmk(Buffer.from(root), owner), [slot], facts.createdAt);
  } finally {
    root.fill(0);
  }
}

/** A new slot of an identity. @param root the UMK, 32 bytes, not zeroed here. @param id for which its locator was claimed */
export const createIdentitySlot = (
  { slotSecret, locator }: VerifiedIdentity,
  owner: UserRef,
  root: Uint8Array,
  { id, createdAt }: Pick<Slot, 'id' | 'createdAt'>,
): Slot =>
  wrapUmk(root, slotSecret, owner, {
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
export function unlockByIdentity(
  key: VerifiedIdentity,
  owner: UserRef,
  read: StoredUserData,
  now: Date,
): UnlockedUser | undefined {
  return undefinedIfUndecryptable(() => {
    const keyring = activeUserKeyring(read, owner);
    const slot = keyring?.slots.find(({ kind, locator }) => kind === 'identity' && locator === key.locator);
    if (keyring === undefined || slot === undefined) return undefined;
    return unlockSlot(key.slotSecret, read, keyring, slot, now);
  });
}

/** Whether a user who was not opened is there nevertheless, and has the identity, as far as can be told of what is stored: it is damaged. */
export function isCorruptIdentityUser(key: VerifiedIdentity, owner: UserRef, { keyring }: StoredUserData): boolean {
  if (keyring === undefined) return false;
  const stored = parseUserRecordOrCorrupt(keyring, owner);
  if (stored.state === 'deleted') return false;
  const slots: readonly SlotLocator[] = stored.state === 'active' ? stored.slots : stored.slotLocators;
  return slots.some(({ kind, locator }) => kind === 'identity' && locator === key.locator);
}

/** Whether a message came before the identity was its user's: then what it asks for, or brings, is not for this user. */
export const predatesSlot = ({ slot }: UnlockedUser, receivedAt: Date): boolean =>
  Date.parse(slot.createdAt) > receivedAt.getTime();
