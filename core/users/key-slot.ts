/**
 * Slots (docs/format.md, section 12): each wraps the same root key of a user, the UMK, under a KEK of its own kind. Adding and removing
 * slots re-encrypts nothing; without any slot the UMK is gone.
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

/** What a slot's KEK comes from, hence who must be there for it to open. */
export const slotKinds = ['identity', 'credential', 'password', 'session', 'link'] as const;
export type SlotKind = (typeof slotKinds)[number];

/** What a slot says of itself; all of it is authenticated by the wrap. */
export interface SlotMetadata {
  /** 16 characters, opaque. */
  readonly id: string;
  readonly kind: SlotKind;
  /** By which the slot is found: of an identity, a login name or a user key a keyed hash; of others empty. */
  readonly locator: string;
  /** Base64 of 32 random bytes; of a `credential` slot of the user id's ASCII, as the published derivation has it. */
  readonly salt: string;
  /** Of `password` slots. */
  readonly params?: PasswordParams | undefined;
  /** RFC 3339. */
  readonly createdAt: string;
  /** RFC 3339; of `session` and `link` slots. */
  readonly expiresAt?: string | undefined;
}

export interface Slot extends SlotMetadata {
  /** Base64 of nonce, ciphertext and tag: 60 bytes. */
  readonly wrapped: string;
}

export const slotSaltLength = 32;
const wrappedUmkLength = gcmNonceLength + rootKeyLength + gcmTagLength;
export const slotKekLength = 32;

/** The salt of a new slot. */
export const newSlotSalt = ({ user }: UserRef, kind: SlotKind): string =>
  (kind === 'credential' ? Buffer.from(user) : randomBytes(slotSaltLength)).toString('base64');

/**
 * The KEK of a slot.
 * @param secret what the kind asks for: MAC of the identity, of the link's code or of the stretched password, text of the user key,
 *   secret of the session. Zeroed by the caller
 */
const deriveSlotKek = (secret: Uint8Array, owner: UserRef, slot: Pick<SlotMetadata, 'id' | 'kind' | 'salt'>) =>
  importKeyAndZero(hkdfSha256(secret, decodeSlotSalt(slot), slotKekInfo(owner, slot), slotKekLength));

export const slotKekInfo = ({ org, user }: UserRef, { id, kind }: Pick<SlotMetadata, 'id' | 'kind'>): Buffer =>
  encodeLengthPrefixedFields('anima:slot:v1:kek', kind, org, user, id);

export const decodeSlotSalt = ({ salt }: Pick<SlotMetadata, 'salt'>): Buffer =>
  decodeStrictBase64(salt) ?? throwDecryptionError();

/** What the wrap authenticates. */
const encodeSlotAad = ({ org, user }: UserRef, slot: SlotMetadata): Buffer =>
  encodeLengthPrefixedFields('anima:slot:v1', org, user, ...slotAuthenticatedFields(slot));

/** A slot's facts as fields, also of the keyring's MAC. */
export const slotAuthenticatedFields = (slot: SlotMetadata): Field[] => [
  slot.id,
  slot.kind,
  slot.locator,
  decodeSlotSalt(slot),
  slot.params === undefined ? '' : canonicalJson(slot.params),
  slot.createdAt,
  slot.expiresAt ?? '',
];

/** Wraps a UMK for a new slot. @param umk 32 bytes, not zeroed here */
export function wrapUmk(umk: Uint8Array, secret: Uint8Array, owner: UserRef, facts: SlotMetadata): Slot {
  if (umk.length !== rootKeyLength) throw new RangeError('a UMK has 32 bytes');
  const bytes = Buffer.alloc(wrappedUmkLength);
  // One KEK wraps once: salt or secret, and the slot's id, are new with each slot. So a random nonce can't meet another.
  const nonce = randomBytes(gcmNonceLength);
  nonce.copy(bytes);
  gcmSeal(deriveSlotKek(secret, owner, facts), nonce, encodeSlotAad(owner, facts), umk, bytes, gcmNonceLength);
  return { ...facts, wrapped: bytes.toString('base64') };
}

/**
 * Unwraps the UMK of a slot: 32 bytes, which the caller zeroes or gives to {@link loadUmk}.
 * @throws DecryptionError for every cause: another secret, user, slot, or any changed fact
 */
export function unwrapUmk(secret: Uint8Array, owner: UserRef, slot: Slot): Buffer {
  const bytes = decodeStrictBase64(slot.wrapped);
  if (bytes?.length !== wrappedUmkLength) throw new DecryptionError();
  const nonce = bytes.subarray(0, gcmNonceLength);
  return gcmOpen(deriveSlotKek(secret, owner, slot), nonce, encodeSlotAad(owner, slot), bytes.subarray(gcmNonceLength));
}

/** By what a user key finds its slot: 22 characters, from which nothing of the key follows. */
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

/** Parameters of a `password` slot: of Argon2id (RFC 9106), and what the password is recognised by. */
export interface PasswordParams {
  readonly algorithm: 'argon2id';
  /** KiB, passes, lanes. */
  readonly memory: number;
  readonly passes: number;
  readonly lanes: number;
  /** Base64 of SHA-256 of the verifier. */
  readonly verifier: string;
}
