/**
 * Key slots (docs/format.md, section 12). Each slot wraps the same root key of a user, the UMK, with the KEK of one
 * credential. Adding and removing slots does not re-encrypt any data. Without any slot, the UMK is lost.
 */
import { randomBytes } from 'node:crypto';
import { DecryptionError } from '../decryption-error.ts';
import { canonicalJson } from '../encoding/canonical-json.ts';
import { encodeLengthPrefixedFields, type Field } from '../encoding/length-prefixed-fields.ts';
import { decodeStrictBase64 } from '../encoding/strict-base64.ts';
import { rootKeyLength } from '../encryption/root-key.ts';
import {
  gcmNonceLength,
  gcmOpen,
  gcmSeal,
  gcmTagLength,
  hkdfSha256,
  importKeyAndZero,
} from '../hazmat/node-primitives.ts';
import type { UserRef } from './user-root-key.ts';

/** The kind of credential from which the KEK of a slot is derived. */
export const slotKinds = ['identity', 'credential', 'password', 'session', 'link'] as const;
export type SlotKind = (typeof slotKinds)[number];

/** The metadata of a slot. The wrap authenticates all of it. */
export interface SlotMetadata {
  /** 16 characters, opaque. */
  readonly id: string;
  readonly kind: SlotKind;
  /**
   * The value by which the slot is found: a keyed hash of the identity, login name or code handle, or a value derived
   * from the user key. Empty for sessions.
   */
  readonly locator: string;
  /**
   * Base64 of 32 random bytes. For a `credential` slot: base64 of the user id in ASCII, as in the published derivation.
   */
  readonly salt: string;
  /** Only in `password` slots. */
  readonly params?: PasswordParams | undefined;
  /** RFC 3339. */
  readonly createdAt: string;
  /** RFC 3339. Only in `session` and `link` slots. */
  readonly expiresAt?: string | undefined;
}

export interface Slot extends SlotMetadata {
  /** Base64 of nonce, ciphertext and tag: 60 bytes. */
  readonly wrapped: string;
}

export const slotSaltLength = 32;
const wrappedUmkLength = gcmNonceLength + rootKeyLength + gcmTagLength;
export const slotKekLength = 32;

/** Creates the salt of a new slot. */
export const newSlotSalt = ({ user }: UserRef, kind: SlotKind): string =>
  (kind === 'credential' ? Buffer.from(user) : randomBytes(slotSaltLength)).toString('base64');

/**
 * Derives the KEK of a slot.
 * @param secret depends on the kind: the MAC of the identity, link code or stretched password; the text of the user
 *   key; or the secret of the session. The caller zeroes it
 */
const deriveSlotKek = (secret: Uint8Array, owner: UserRef, slot: Pick<SlotMetadata, 'id' | 'kind' | 'salt'>) =>
  importKeyAndZero(hkdfSha256(secret, decodeSlotSalt(slot), slotKekInfo(owner, slot), slotKekLength));

export const slotKekInfo = ({ org, user }: UserRef, { id, kind }: Pick<SlotMetadata, 'id' | 'kind'>): Buffer =>
  encodeLengthPrefixedFields('anima:slot:v1:kek', kind, org, user, id);

export const decodeSlotSalt = ({ salt }: Pick<SlotMetadata, 'salt'>): Buffer =>
  decodeStrictBase64(salt) ?? throwDecryptionError();

/** The AAD of the wrap. */
const encodeSlotAad = ({ org, user }: UserRef, slot: SlotMetadata): Buffer =>
  encodeLengthPrefixedFields('anima:slot:v1', org, user, ...slotAuthenticatedFields(slot));

/** The metadata of a slot as fields. Also used in the MAC of the keyring. */
export const slotAuthenticatedFields = (slot: SlotMetadata): Field[] => [
  slot.id,
  slot.kind,
  slot.locator,
  decodeSlotSalt(slot),
  slot.params === undefined ? '' : canonicalJson(slot.params),
  slot.createdAt,
  slot.expiresAt ?? '',
];

/**
 * Wraps a UMK for a new slot.
 * @param umk 32 bytes, not zeroed here
 */
export function wrapUmk(umk: Uint8Array, secret: Uint8Array, owner: UserRef, facts: SlotMetadata): Slot {
  if (umk.length !== rootKeyLength) throw new RangeError('a UMK must have 32 bytes');
  const bytes = Buffer.alloc(wrappedUmkLength);
  // Each KEK wraps once, because the slot id, and the salt or the secret, are new in each slot. A random nonce is
  // therefore never repeated with one KEK.
  const nonce = randomBytes(gcmNonceLength);
  nonce.copy(bytes);
  gcmSeal(deriveSlotKek(secret, owner, facts), nonce, encodeSlotAad(owner, facts), umk, bytes, gcmNonceLength);
  return { ...facts, wrapped: bytes.toString('base64') };
}

/**
 * Unwraps the UMK of a slot: 32 bytes, which the caller zeroes or passes to `deriveUmk`.
 * @throws DecryptionError for every cause: a different secret, user or slot, or any changed metadata
 */
export function unwrapUmk(secret: Uint8Array, owner: UserRef, slot: Slot): Buffer {
  const bytes = decodeStrictBase64(slot.wrapped);
  if (bytes?.length !== wrappedUmkLength) throw new DecryptionError();
  const nonce = bytes.subarray(0, gcmNonceLength);
  return gcmOpen(deriveSlotKek(secret, owner, slot), nonce, encodeSlotAad(owner, slot), bytes.subarray(gcmNonceLength));
}

/** The locator of the slot of a user key: 22 characters, which reveal nothing about the key. */
export const credentialLocator = (key: Uint8Array, { org, user }: UserRef): string =>
  hkdfSha256(
    key,
    Buffer.from(user),
    encodeLengthPrefixedFields('anima:slot:v1:locator', 'credential', org, user),
    16,
  ).toString('base64url');

function throwDecryptionError(): never {
  throw new DecryptionError();
}

/** Parameters of a `password` slot: those of Argon2id (RFC 9106), and the verifier of the password. */
export interface PasswordParams {
  readonly algorithm: 'argon2id';
  /** KiB, passes, lanes. */
  readonly memory: number;
  readonly passes: number;
  readonly lanes: number;
  /** Base64 of SHA-256 of the verifier. */
  readonly verifier: string;
}
