/**
 * Slots (docs/format.md, section 12): each wraps the same root key of a user, the UMK, under a KEK of its own kind. Adding and removing
 * slots re-encrypts nothing; without any slot the UMK is gone.
 */
import { type Argon2Parameters, argon2, createSecretKey, hash, randomBytes } from 'node:crypto';
import { DecryptionError } from '../decryption-error.ts';
import { canonicalJson } from '../encoding/canonical-json.ts';
import { encodeFields, type Field } from '../encoding/length-prefixed-fields.ts';
import { type Dek, dekLength, deriveRoot } from '../encryption/root-key.ts';
import { decodeBase64 } from '../encryption/sealed-string.ts';
import { gcmNonceLength, gcmOpen, gcmSeal, hkdf, tagLength, takeKey } from '../hazmat/node-primitives.ts';

/** What a slot's KEK comes from, hence who must be there for it to open. */
export const slotKinds = ['identity', 'credential', 'password', 'session', 'link'] as const;
export type SlotKind = (typeof slotKinds)[number];

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

/** The user whose slots they are. */
export interface Owner {
  readonly org: string;
  readonly user: string;
}

export const saltLength = 32;
const wrappedLength = gcmNonceLength + dekLength + tagLength;
const kekLength = 32;

/** A UMK in memory: it seals like a DEK (core/encryption/sealed-string.ts), and authenticates its keyring. Its own bytes are gone. */
export interface Umk extends Dek {
  readonly user: string;
}

/** Stands where a DEK's version stands in strings. A user has one root key for life; slots change, it does not. */
const umkVersion = 1;

/** A new UMK: 32 bytes, which the caller zeroes. */
export const newUmk = (): Buffer => randomBytes(dekLength);

/** Derives what a UMK is used for. @param secret 32 bytes; zeroed here */
export function loadUmk(secret: Uint8Array, { org, user }: Owner): Umk {
  if (secret.length !== dekLength) throw new RangeError('a UMK has 32 bytes');
  const derived = deriveRoot(secret, encodeFields('anima:enc:v1:umk', org, user), umkVersion);
  return { org, user, version: umkVersion, ...derived };
}

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

const kekInfo = ({ org, user }: Owner, { id, kind }: Pick<SlotFacts, 'id' | 'kind'>): Buffer =>
  encodeFields('anima:slot:v1:kek', kind, org, user, id);

const saltOf = ({ salt }: Pick<SlotFacts, 'salt'>): Buffer => decodeBase64(salt) ?? refuse();

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

/** Argon2id by the OWASP parameters (Password Storage Cheat Sheet): 19 MiB, two passes, one lane. */
export const passwordCost = { algorithm: 'argon2id', memory: 19_456, passes: 2, lanes: 1 } as const;

/**
 * A password by Argon2id (RFC 9106), 32 bytes, which the caller zeroes. The secret of the slot is a MAC over it (user-macs.ts).
 * @param password taken in Unicode's form NFKC, as UTF-8
 */
export function stretchPassword(
  password: string,
  slot: Pick<SlotFacts, 'salt'>,
  cost: Pick<PasswordParams, 'memory' | 'passes' | 'lanes'>,
): Promise<Buffer> {
  const message = Buffer.from(password.normalize('NFKC'), 'utf8');
  const parameters: Argon2Parameters = {
    message,
    nonce: saltOf(slot),
    parallelism: cost.lanes,
    tagLength: 32,
    memory: cost.memory,
    passes: cost.passes,
  };
  return new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, stretched) => {
      message.fill(0);
      if (error === null) resolve(stretched);
      else reject(error);
    });
  });
}

/**
 * What a password is recognised by, as it is stored; it tells nothing of the KEK, which is the other half.
 * @param secret of the slot: the MAC over the stretched password
 */
export function verifierOf(secret: Uint8Array, owner: Owner, slot: Pick<SlotFacts, 'id' | 'salt'>): string {
  const facts = { ...slot, kind: 'password' } as const;
  const halves = hkdf(createSecretKey(secret), saltOf(slot), kekInfo(owner, facts), 2 * kekLength);
  const verifier = hash('sha256', halves.subarray(kekLength), 'base64');
  halves.fill(0);
  return verifier;
}

function refuse(): never {
  throw new DecryptionError();
}
