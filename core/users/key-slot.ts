/**
 * Slots (docs/format.md, section 12): each wraps the same root key of a user, the UMK, under a KEK of its own kind. Adding and removing
 * slots re-encrypts nothing; without any slot the UMK is gone.
 */
import { randomBytes } from 'node:crypto';
import { DecryptionError } from '../decryption-error.ts';
import { canonicalJson } from '../encoding/canonical-json.ts';
import { encodeFields, type Field } from '../encoding/length-prefixed-fields.ts';
import { decodeBase64 } from '../encoding/strict-base64.ts';
import { dekLength } from '../encryption/root-key.ts';
import { gcmNonceLength, gcmOpen, gcmSeal, hkdf, tagLength, takeKey } from '../hazmat/node-primitives.ts';
import type { Owner } from './user-root-key.ts';

/** What a slot's KEK comes from, hence who must be there for it to open. */
export const slotKinds = ['identity', 'credential', 'password', 'session', 'link'] as const;
export type SlotKind = (typeof slotKinds)[number];

/** What a slot says of itself; all of it is authenticated by the wrap. */
export interface SlotFacts {
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

export interface Slot extends SlotFacts {
  /** Base64 of nonce, ciphertext and tag: 60 bytes. */
  readonly wrapped: string;
}

export const saltLength = 32;
const wrappedLength = gcmNonceLength + dekLength + tagLength;
export const kekLength = 32;

/** The salt of a new slot. */
export const newSalt = ({ user }: Owner, kind: SlotKind): string =>
  (kind === 'credential' ? Buffer.from(user) : randomBytes(saltLength)).toString('base64');

/**
 * The KEK of a slot.
 * @param secret what the kind asks for: MAC of the identity, of the link's code or of the stretched password, text of the user key,
 *   secret of the session. Zeroed by the caller
 */
const kekOf = (secret: Uint8Array, owner: Owner, slot: Pick<SlotFacts, 'id' | 'kind' | 'salt'>) =>
  takeKey(hkdf(secret, saltOf(slot), kekInfo(owner, slot), kekLength));

export const kekInfo = ({ org, user }: Owner, { id, kind }: Pick<SlotFacts, 'id' | 'kind'>): Buffer =>
  encodeFields('anima:slot:v1:kek', kind, org, user, id);

export const saltOf = ({ salt }: Pick<SlotFacts, 'salt'>): Buffer => decodeBase64(salt) ?? refuse();

/** What the wrap authenticates. */
const aadOf = ({ org, user }: Owner, slot: SlotFacts): Buffer =>
  encodeFields('anima:slot:v1', org, user, ...slotFields(slot));

/** A slot's facts as fields, also of the keyring's MAC. */
export const slotFields = (slot: SlotFacts): Field[] => [
  slot.id,
  slot.kind,
  slot.locator,
  saltOf(slot),
  slot.params === undefined ? '' : canonicalJson(slot.params),
  slot.createdAt,
  slot.expiresAt ?? '',
];

/** Wraps a UMK for a new slot. @param umk 32 bytes, not zeroed here */
export function wrapUmk(umk: Uint8Array, secret: Uint8Array, owner: Owner, facts: SlotFacts): Slot {
  if (umk.length !== dekLength) throw new RangeError('a UMK has 32 bytes');
  const bytes = Buffer.alloc(wrappedLength);
  // One KEK wraps once: salt or secret, and the slot's id, are new with each slot. So a random nonce can't meet another.
  const nonce = randomBytes(gcmNonceLength);
  nonce.copy(bytes);
  gcmSeal(kekOf(secret, owner, facts), nonce, aadOf(owner, facts), umk, bytes, gcmNonceLength);
  return { ...facts, wrapped: bytes.toString('base64') };
}

/**
 * Unwraps the UMK of a slot: 32 bytes, which the caller zeroes or gives to {@link loadUmk}.
 * @throws DecryptionError for every cause: another secret, user, slot, or any changed fact
 */
export function unwrapUmk(secret: Uint8Array, owner: Owner, slot: Slot): Buffer {
  const bytes = decodeBase64(slot.wrapped);
  if (bytes?.length !== wrappedLength) throw new DecryptionError();
  const nonce = bytes.subarray(0, gcmNonceLength);
  return gcmOpen(kekOf(secret, owner, slot), nonce, aadOf(owner, slot), bytes.subarray(gcmNonceLength));
}

/** By what a user key finds its slot: 22 characters, from which nothing of the key follows. */
export const credentialLocator = (key: Uint8Array, { org, user }: Owner): string =>
  hkdf(key, Buffer.from(user), encodeFields('anima:slot:v1:locator', 'credential', org, user), 16).toString(
    'base64url',
  );

function refuse(): never {
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
