/**
 * Finds users by identities that providers verified. One MAC key derives the locator of an identity, and another
 * derives the secret that opens its slot.
 */

import { VaultError } from '../../contract/shared/vault-error.ts';
import { isOpaqueId, randomId } from '../../core/encoding/random-id.ts';
import { newSlotSalt, type Slot, wrapUmk } from '../../core/users/key-slot.ts';
import { identityMacInput, locatorMacInput } from '../../core/users/slot-mac-inputs.ts';
import { newUserKeyring } from '../../core/users/user-keyring.ts';
import { deriveUmk, newUmk, type UserRef } from '../../core/users/user-root-key.ts';
import { undefinedIfUndecryptable } from '../shared/error-classification.ts';
import type { Clock } from '../shared/ports.ts';
import { parseUserRecordOrCorrupt } from './corrupt-user-keyring.ts';
import type { LocatorRegistry, ResolvedLocator } from './locator-registry.ts';
import type { SlotLocator } from './locator-release.ts';
import { activeUserKeyring, isOrgActive, type UnlockedUser, unlockSlot } from './unlocked-user.ts';
import type { CustodyMacs, RoutingMacs, StoredUserData, UserKeyringStore, UserReader } from './user-ports.ts';

/** A verified identity, held while one message of its sender is handled. */
export interface VerifiedIdentity {
  readonly org: string;
  /** Canonical (core/users/canonical-identity.ts). */
  readonly identity: string;
  readonly locator: string;
  /** Secret that opens the slots of the identity, 32 bytes. The caller that requested it zeroes it. */
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
 * Tolerated reordering of messages, in milliseconds. Later messages can overtake the first message of a sender, because
 * webhooks run concurrently and a provider retries failed ones. A message older than its slot is not accepted for the
 * user, so a new slot is backdated by this tolerance.
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
   * Derives the secret that opens the slots of an identity. Call it only while a verified message of the sender is
   * being handled.
   * @param locator locator of the identity, if already known
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
   * Finds the user of an identity, or creates one if the identity has no user. A new user takes over a locator that was
   * left by an interrupted operation, by a deleted user, or by a user that unlinked the identity.
   * @param receivedAt when the message was received. A message received before the sender's account was deleted creates
   *   no new account. A new slot gets this time, or an earlier time that no message of a previous account can have,
   *   instead of the time of creation. A retry of an earlier message can then be recognized, however late it arrives
   * @returns undefined if the message precedes the deletion of the account
   * @throws VaultError `user_not_found` if the organization does not exist, `org_locked`, `org_shredded`,
   *   `write_contention`
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
    throw new VaultError('write_contention', { detail: 'No user was created.' });
  }

  /** Returns undefined if another request was first. */
  async #createUser(
    key: VerifiedIdentity,
    found: ResolvedLocator | undefined,
    createdAt: string,
  ): Promise<UserRef | undefined> {
    const { org, locator } = key;
    const { locatorRegistry, keyrings } = this.#deps;
    // If the creation of a user was interrupted or is in flight elsewhere, reuse its id. Only one request then creates
    // the user.
    const incomplete = found === undefined || found.userExists ? undefined : found;
    const owner = { org, user: incomplete?.user ?? randomId() };
    // The table is not trusted: with another form of id, the vault could not read the keyring that it stores here.
    const claimed = incomplete?.claimedSlotId;
    const id = claimed !== undefined && isOpaqueId(claimed) ? claimed : randomId();
    await this.#assertOrgActive(owner);
    if ((await locatorRegistry.claimOrGetHolder(org, locator, owner.user, id)) !== owner.user) return undefined;
    return (await keyrings.create(newIdentityKeyring(key, owner, { id, createdAt }))) ? owner : undefined;
  }

  async #assertOrgActive(owner: UserRef): Promise<void> {
    const { orgKeyring } = await this.#deps.reader.read(owner, []);
    if (!isOrgActive(orgKeyring)) throw new VaultError('user_not_found');
  }
}

/**
 * Creation time of a new user's slot.
 * If the sender is unknown, every earlier message also belongs to the new user. If the sender's user was deleted, every
 * message after the deletion belongs to the new user.
 * After an unlink, the locator contains no time, and the message that unlinked the identity may be retried. The slot
 * therefore starts at the time of the current message. An interrupted creation is treated the same way, because it may
 * follow an unlink.
 */
function slotCreationTime(receivedAt: Date, found: ResolvedLocator | undefined): Date {
  // A time of deletion that is none was put there by somebody else.
  const deletedAt = found?.deletedAt === undefined ? Number.NaN : Date.parse(found.deletedAt);
  if (found !== undefined && Number.isNaN(deletedAt)) return receivedAt;
  const earliest = found === undefined ? 0 : deletedAt + 1;
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

/**
 * Creates a slot of an identity.
 * @param root the UMK, 32 bytes, not zeroed here
 * @param id id of the slot that the locator was claimed for
 */
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
 * Opens a user by an identity, from data that was read for the current message. Synchronous, so nothing can run between
 * the age check of the read and the opening.
 * @returns undefined if the user was deleted, does not have that identity, or the stored data does not open
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

/**
 * Whether a user that could not be opened still exists and has the identity, as far as the stored record can be read.
 * If so, the user is damaged.
 */
export function isCorruptIdentityUser(key: VerifiedIdentity, owner: UserRef, { keyring }: StoredUserData): boolean {
  if (keyring === undefined) return false;
  const stored = parseUserRecordOrCorrupt(keyring, owner);
  if (stored.state === 'deleted') return false;
  const slots: readonly SlotLocator[] = stored.state === 'active' ? stored.slots : stored.slotLocators;
  return slots.some(({ kind, locator }) => kind === 'identity' && locator === key.locator);
}

/**
 * Whether a message was received before the identity was linked to this user. Its request or content is then not for
 * this user.
 */
export const predatesSlot = ({ slot }: UnlockedUser, receivedAt: Date): boolean =>
  Date.parse(slot.createdAt) > receivedAt.getTime();
