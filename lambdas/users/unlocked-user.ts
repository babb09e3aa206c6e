/**
 * Opens the UMK of a user from a presented credential. Nothing else authenticates a user, and user data cannot be
 * opened without the UMK.
 */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { credentialLocator, type Slot, unwrapUmk } from '../../core/users/key-slot.ts';
import type { SessionToken } from '../../core/users/session-token.ts';
import { formatUserKey, type UserKey } from '../../core/users/user-key.ts';
import { parseUserKeyringRecord, type UserKeyring, verifyUserKeyring } from '../../core/users/user-keyring.ts';
import { deriveUmk, type Umk, type UserRef } from '../../core/users/user-root-key.ts';
import { assertOrgActive } from '../org-keys/keyring-verifier.ts';
import { hasPassed } from '../shared/timestamps.ts';
import type { StoredRecord, StoredUserData } from './user-ports.ts';

/** An authenticated user for one request: the verified keyring and the UMK. */
export interface UnlockedUser {
  readonly owner: UserRef;
  readonly keyring: UserKeyring;
  readonly umk: Umk;
  /** The slot that the credential opened. */
  readonly slot: Slot;
  readonly records: ReadonlyMap<string, StoredRecord>;
  /**
   * Id of the password slot that confirmed the request (reauthentication-service.ts). A change is made only while it
   * still exists.
   */
  readonly confirmedBy?: string | undefined;
  /** Passes the 32 bytes of the UMK to `use`, for wrapping in new slots, and zeroes them afterwards. */
  withRootKey<T>(use: (root: Uint8Array) => T): T;
}

/**
 * Opens a slot with the secret of its kind.
 * @param secret not zeroed here; `withRootKey` uses it again
 * @throws DecryptionError for every cause, including an expired slot
 */
export function unlockSlot(
  secret: Uint8Array,
  read: StoredUserData,
  keyring: UserKeyring,
  slot: Slot,
  now: Date,
): UnlockedUser {
  if (hasPassed(slot.expiresAt, now)) throw new DecryptionError();
  const opened = openSlot(secret, read, keyring, slot);
  verifyUserKeyring(keyring, opened.umk);
  return opened;
}

/** Opens a slot whether or not it has expired. The MAC of the keyring is not verified. @throws DecryptionError */
function openSlot(secret: Uint8Array, read: StoredUserData, keyring: UserKeyring, slot: Slot): UnlockedUser {
  const owner: UserRef = { org: keyring.org, user: keyring.user };
  const umk = deriveUmk(unwrapUmk(secret, owner, slot), owner);
  const withRootKey = <T>(use: (root: Uint8Array) => T): T => {
    const root = unwrapUmk(secret, owner, slot);
    try {
      return use(root);
    } finally {
      root.fill(0);
    }
  };
  return { owner, keyring, umk, slot, records: read.records, withRootKey };
}

/**
 * Returns the keyring of a user whose organization is neither locked nor shredded, or undefined if the user does not
 * exist or was deleted.
 * @throws VaultError `org_locked`, `org_shredded`; DecryptionError
 */
export function activeUserKeyring({ orgKeyring, keyring }: StoredUserData, owner: UserRef): UserKeyring | undefined {
  if (keyring === undefined || !isOrgActive(orgKeyring)) return undefined;
  const stored = parseUserKeyringRecord(keyring, owner);
  return stored.state === 'active' ? stored : undefined;
}

/**
 * Whether an organization exists and is active; false if nothing is stored of it.
 * @throws VaultError `org_locked`, `org_shredded`; DecryptionError if its record is damaged
 */
export function isOrgActive(orgKeyring: StoredUserData['orgKeyring']): boolean {
  if (orgKeyring === undefined) return false;
  if (orgKeyring === 'damaged') throw new DecryptionError();
  assertOrgActive(orgKeyring);
  return true;
}

/** The credential of a user request. */
export type UserCredential =
  | { readonly kind: 'credential'; readonly key: UserKey }
  | { readonly kind: 'session'; readonly token: SessionToken };

export const ownerOfCredential = (credential: UserCredential): UserRef =>
  credential.kind === 'credential'
    ? { org: credential.key.org, user: credential.key.user }
    : { org: credential.token.org, user: credential.token.user };

/** Returns the secret that opens the slot of a credential. The caller zeroes it. */
export const slotSecretOf = (credential: UserCredential): Uint8Array =>
  credential.kind === 'session' ? credential.token.secret : Buffer.from(formatUserKey(credential.key));

/**
 * Opens a user by its user key or session.
 * @param secret the result of {@link slotSecretOf}; `withRootKey` uses it again
 * @param onGenuine called once the credential has opened its slot, also if it is refused after that: it has expired, or
 *   the organization is locked or shredded
 * @throws VaultError `invalid_credential` if the credential opens no slot or has expired, `org_locked`, `org_shredded`;
 *   DecryptionError if it opens its slot and the rest of the keyring, or the record of the organization, is damaged
 */
export function unlockUser(
  credential: UserCredential,
  secret: Uint8Array,
  read: StoredUserData,
  now: Date,
  onGenuine: () => void = () => {},
): UnlockedUser {
  const owner = ownerOfCredential(credential);
  const opened = openSlotOrRefuse(credential, secret, read, owner);
  onGenuine();
  // The credential is genuine, so a damaged record is reported as such.
  verifyUserKeyring(opened.keyring, opened.umk);
  // Only a caller that opens a slot may learn the state of the organization. If nothing is stored of an organization,
  // it has no users.
  if (hasPassed(opened.slot.expiresAt, now) || !isOrgActive(read.orgKeyring))
    throw new VaultError('invalid_credential');
  return opened;
}

/**
 * Opens the slot of a credential. The MAC of the keyring is not verified yet.
 * @throws VaultError `invalid_credential`
 */
function openSlotOrRefuse(
  credential: UserCredential,
  secret: Uint8Array,
  read: StoredUserData,
  owner: UserRef,
): UnlockedUser {
  try {
    const keyring = requireActiveKeyring(read.keyring, owner);
    const slot = findSlotOf(credential, secret, keyring, owner);
    if (slot === undefined) throw new DecryptionError();
    return openSlot(secret, read, keyring, slot);
  } catch (error) {
    if (error instanceof DecryptionError) throw new VaultError('invalid_credential');
    throw error;
  }
}

/**
 * Parses a stored record as a keyring. The caller must still verify its MAC.
 * @throws DecryptionError if there is no record, or only a tombstone
 */
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
