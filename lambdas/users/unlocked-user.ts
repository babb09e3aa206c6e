/** From what a user presents to its UMK: nothing else authenticates a user, and nothing opens its data without. */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { credentialLocator, type Slot, unwrapUmk } from '../../core/users/key-slot.ts';
import type { SessionToken } from '../../core/users/session-token.ts';
import { formatUserKey, type UserKey } from '../../core/users/user-key.ts';
import { parseUserKeyringRecord, type UserKeyring, verifyUserKeyring } from '../../core/users/user-keyring.ts';
import { deriveUmk, type Umk, type UserRef } from '../../core/users/user-root-key.ts';
import { assertOrgActive, parseStoredKeyring } from '../org-keys/keyring-opener.ts';
import { hasPassed } from '../shared/timestamps.ts';
import type { StoredRecord, StoredUserData } from './user-ports.ts';

/** A user who is there: its keyring, checked, and its UMK, for the time of one request. */
export interface UnlockedUser {
  readonly owner: UserRef;
  readonly keyring: UserKeyring;
  readonly umk: Umk;
  /** The slot that was opened. */
  readonly slot: Slot;
  readonly records: ReadonlyMap<string, StoredRecord>;
  /** Gives the 32 bytes of the UMK, for new slots to wrap, and zeroes them after. */
  withRootKey<T>(use: (root: Uint8Array) => T): T;
}

/**
 * Opens a slot with what its kind asks for.
 * @param secret not zeroed here; `withRoot` uses it once more
 * @throws DecryptionError for every cause, an expired slot included
 */
export function unlockSlot(
  secret: Uint8Array,
  read: StoredUserData,
  keyring: UserKeyring,
  slot: Slot,
  now: Date,
): UnlockedUser {
  if (hasPassed(slot.expiresAt, now)) throw new DecryptionError();
  const owner: UserRef = { org: keyring.org, user: keyring.user };
  const umk = deriveUmk(unwrapUmk(secret, owner, slot), owner);
  verifyUserKeyring(keyring, umk);
  const withRoot = <T>(use: (root: Uint8Array) => T): T => {
    const root = unwrapUmk(secret, owner, slot);
    try {
      return use(root);
    } finally {
      root.fill(0);
    }
  };
  return { owner, keyring, umk, slot, records: read.records, withRootKey: withRoot };
}

/**
 * The keyring of a user whose org is neither locked nor shredded; undefined when there is no such user, or none any more.
 * @throws VaultError `org_locked`, `org_shredded`; DecryptionError
 */
export function activeUserKeyring({ orgKeyring, keyring }: StoredUserData, owner: UserRef): UserKeyring | undefined {
  if (orgKeyring === undefined || keyring === undefined) return undefined;
  assertOrgActive(parseStoredKeyring(orgKeyring, owner.org));
  const stored = parseUserKeyringRecord(keyring, owner);
  return stored.state === 'active' ? stored : undefined;
}

/** What a request of a user shows. */
export type UserCredential =
  | { readonly kind: 'credential'; readonly key: UserKey }
  | { readonly kind: 'session'; readonly token: SessionToken };

export const ownerOfCredential = (credential: UserCredential): UserRef =>
  credential.kind === 'credential'
    ? { org: credential.key.org, user: credential.key.user }
    : { org: credential.token.org, user: credential.token.user };

/** What the slot of what was presented is opened with; whoever asks for it zeroes it. */
export const slotSecretOf = (credential: UserCredential): Uint8Array =>
  credential.kind === 'session' ? credential.token.secret : Buffer.from(formatUserKey(credential.key));

/**
 * Opens a user by its user key or session.
 * @param secret as {@link slotSecretOf} gives it; `withRoot` uses it once more
 * @throws VaultError `invalid_credential` for every cause that is the caller's, `org_locked`, `org_shredded`
 */
export function unlockUser(
  credential: UserCredential,
  secret: Uint8Array,
  read: StoredUserData,
  now: Date,
): UnlockedUser {
  const owner = ownerOfCredential(credential);
  try {
    // Before the state of the org is told: only who opens a slot may learn it, so it is asked again below.
    const keyring = requireActiveKeyring(read.keyring, owner);
    const slot = findSlotOf(credential, secret, keyring, owner);
    if (slot === undefined) throw new DecryptionError();
    const opened = unlockSlot(secret, read, keyring, slot, now);
    // An org of which nothing is left has no users either.
    if (activeUserKeyring(read, owner) === undefined) throw new DecryptionError();
    return opened;
  } catch (error) {
    if (error instanceof DecryptionError) throw new VaultError('invalid_credential');
    throw error;
  }
}

/** The keyring of a stored record, whose MAC is still to be verified. @throws DecryptionError when there is none, or none any more */
export function requireActiveKeyring(record: unknown, owner: UserRef): UserKeyring {
  const stored = record === undefined ? undefined : parseUserKeyringRecord(record, owner);
  if (stored?.state !== 'active') throw new DecryptionError();
  return stored;
}

function findSlotOf(
  credential: UserCredential,
  secret: Uint8Array,
  keyring: UserKeyring,
  owner: UserRef,
): Slot | undefined {
  const locator = credential.kind === 'credential' ? credentialLocator(secret, owner) : undefined;
  return keyring.slots.find(
    (slot) =>
      slot.kind === credential.kind &&
      (credential.kind === 'session' ? slot.id === credential.token.slot : slot.locator === locator),
  );
}
