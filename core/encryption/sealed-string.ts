/**
 * `enc:v1` strings: seal and open (docs/format.md, section 3).
 *
 *     enc:v1: base64( suite u8 ‖ DEK version u32 ‖ commitment 16 ‖ nonce 24 ‖ ciphertext ‖ tag 16 )
 */
import type { KeyObject } from 'node:crypto';
import { DecryptionError } from '../decryption-error.ts';
import {
  type Field,
  lengthPrefixedFieldsLength,
  writeLengthPrefixedFields,
} from '../encoding/length-prefixed-fields.ts';
import { decodeStrictBase64 } from '../encoding/strict-base64.ts';
import { gcmEncrypt, gcmOpen, gcmTagLength } from '../hazmat/node-primitives.ts';
import { fillFromNoncePool } from '../hazmat/nonce-pool.ts';
import { deriveXaesSubkey, xaesNonceLength, xaesPrefixLength } from '../hazmat/xaes-256-gcm.ts';
import { type Dek, sealedStringHeaderLength, sealedStringSuite } from './root-key.ts';

/** The prefix of every sealed string. */
export const sealedStringPrefix = 'enc:v1:';

/**
 * What a sealed string is bound to: a purpose, then the fields of that purpose (docs/format.md, section 4). Only the
 * same fields in the same order open the string.
 */
export type SealContext = readonly [purpose: string, org: string, ...fields: Field[]];

const nonceOffset = sealedStringHeaderLength;
const gcmNonceOffset = nonceOffset + xaesPrefixLength;
const ciphertextOffset = sealedStringHeaderLength + xaesNonceLength;
const minSealedBytes = ciphertextOffset + gcmTagLength;
/** Characters of the prefix and the 21-byte header: the same for all strings of one DEK. */
export const sealedHeaderCharacters = sealedStringPrefix.length + (sealedStringHeaderLength / 3) * 4;

const noncePrefixCharacters = (xaesPrefixLength / 3) * 4;

/** Number of strings sealed with one nonce prefix before a new prefix is drawn. */
const encryptionsPerNoncePrefix = 2 ** 16;
/** Derived keys that are cached per DEK for reading: one for each nonce prefix. */
const maxReaderKeys = 256;

interface DerivedKeyCache {
  /** `enc:v1:` and the base64 of the header. */
  readonly sealedStringStart: string;
  /** Derived keys for reading, by nonce prefix. The first entry was inserted first. */
  readonly readerKeysByNoncePrefix: Map<string, KeyObject>;
  writerNoncePrefix: Buffer;
  writerKey: KeyObject | undefined;
  encryptionsLeft: number;
}

/** Weak, so that derived keys are dropped together with their DEK. */
const derivedKeyCaches = new WeakMap<Dek, DerivedKeyCache>();

function derivedKeyCacheOf(dek: Dek): DerivedKeyCache {
  let derived = derivedKeyCaches.get(dek);
  if (derived === undefined) {
    const start = sealedStringPrefix + dek.header.toString('base64');
    derived = {
      sealedStringStart: start,
      readerKeysByNoncePrefix: new Map(),
      writerNoncePrefix: Buffer.alloc(xaesPrefixLength),
      writerKey: undefined,
      encryptionsLeft: 0,
    };
    derivedKeyCaches.set(dek, derived);
  }
  return derived;
}

function takeWriterKey(dek: Dek, derived: DerivedKeyCache): KeyObject {
  if (derived.writerKey === undefined || derived.encryptionsLeft === 0) {
    fillFromNoncePool(derived.writerNoncePrefix, 0, xaesPrefixLength);
    derived.writerKey = deriveXaesSubkey(dek.encryptionKey, derived.writerNoncePrefix);
    derived.encryptionsLeft = encryptionsPerNoncePrefix;
  }
  derived.encryptionsLeft--;
  return derived.writerKey;
}

/** The key for the nonce prefix of a string, which is 12 bytes or 16 base64 characters. */
function findReaderKey(dek: Dek, derived: DerivedKeyCache, sealed: string, bytes: Buffer): KeyObject {
  const found = derived.readerKeysByNoncePrefix.get(
    sealed.slice(sealedHeaderCharacters, sealedHeaderCharacters + noncePrefixCharacters),
  );
  if (found !== undefined) return found;
  const prefix = bytes.subarray(nonceOffset, nonceOffset + xaesPrefixLength);
  const key = deriveXaesSubkey(dek.encryptionKey, prefix);
  // Encoded again from the bytes: a slice used as the key of the map would keep the whole string in memory.
  const name = prefix.toString('base64');
  if (derived.readerKeysByNoncePrefix.size >= maxReaderKeys) {
    const [oldest] = derived.readerKeysByNoncePrefix.keys();
    if (oldest !== undefined) derived.readerKeysByNoncePrefix.delete(oldest);
  }
  derived.readerKeysByNoncePrefix.set(name, key);
  return key;
}

/** Reusable buffer for the AAD. Contexts are short, and GCM has consumed the AAD when the call returns. */
const aadScratch = Buffer.allocUnsafe(1024);

function encodeAad(dek: Dek, context: SealContext): Buffer {
  const length = sealedStringHeaderLength + lengthPrefixedFieldsLength(context);
  const target = length <= aadScratch.length ? aadScratch : Buffer.allocUnsafe(length);
  dek.header.copy(target);
  return target.subarray(0, writeLengthPrefixedFields(target, sealedStringHeaderLength, context));
}

/** Seals `plaintext` for `context` with a new nonce. Returns an `enc:v1:` string. */
export function seal(dek: Dek, context: SealContext, plaintext: Uint8Array): string {
  const derived = derivedKeyCacheOf(dek);
  const key = takeWriterKey(dek, derived);
  const nonce = Buffer.allocUnsafe(xaesNonceLength);
  derived.writerNoncePrefix.copy(nonce);
  fillFromNoncePool(nonce, xaesPrefixLength, xaesNonceLength - xaesPrefixLength);
  const { ciphertext, tag } = gcmEncrypt(key, nonce.subarray(xaesPrefixLength), encodeAad(dek, context), plaintext);
  // Header and nonce have 45 bytes, so the base64 of the whole is that of its parts, if all but the last have a
  // multiple of 3 bytes. Copying the ciphertext behind the header would cost a tenth of its encryption.
  const whole = ciphertext.length - (ciphertext.length % 3);
  const end = Buffer.concat([ciphertext.subarray(whole), tag]);
  return (
    derived.sealedStringStart +
    nonce.toString('base64') +
    ciphertext.toString('base64', 0, whole) +
    end.toString('base64')
  );
}

/**
 * Opens an `enc:v1:` string that was sealed with this DEK for this context.
 * @throws DecryptionError for every cause: form, suite, version, commitment, context, or any changed bit
 */
export function open(dek: Dek, context: SealContext, sealed: string): Buffer {
  const derived = derivedKeyCacheOf(dek);
  // Compares suite, DEK version and commitment in one step before decryption. They are public, so the comparison does
  // not need constant time.
  if (!sealed.startsWith(derived.sealedStringStart)) throw new DecryptionError();
  const bytes = decodeStrictBase64(sealed, sealedStringPrefix.length);
  if (bytes === undefined || bytes.length < minSealedBytes) throw new DecryptionError();
  const key = findReaderKey(dek, derived, sealed, bytes);
  const nonce = bytes.subarray(gcmNonceOffset, ciphertextOffset);
  return gcmOpen(key, nonce, encodeAad(dek, context), bytes.subarray(ciphertextOffset));
}

/** Whether the header of a string names this DEK. Compares the first 35 characters only; the string is not opened. */
export const hasHeaderOfDek = (dek: Dek, sealed: string): boolean =>
  sealed.startsWith(derivedKeyCacheOf(dek).sealedStringStart);

/**
 * The DEK version in the header of a sealed string, by which its key is found.
 * @throws DecryptionError
 */
export function parseDekVersion(sealed: string): number {
  const bytes = sealed.startsWith(sealedStringPrefix)
    ? decodeStrictBase64(sealed.slice(sealedStringPrefix.length, sealedStringPrefix.length + 8))
    : undefined;
  if (bytes === undefined || bytes.length < 5 || bytes.readUInt8(0) !== sealedStringSuite) throw new DecryptionError();
  return bytes.readUInt32BE(1);
}
