/**
 * `enc:v1` strings: seal and open (docs/format.md, section 3).
 *
 *     enc:v1: base64( suite u8 ‖ DEK version u32 ‖ commitment 16 ‖ nonce 24 ‖ ciphertext ‖ tag 16 )
 */
import type { KeyObject } from 'node:crypto';
import { DecryptionError } from '../decryption-error.ts';
import { type Field, fieldsLength, writeFields } from '../encoding/length-prefixed-fields.ts';
import { decodeBase64 } from '../encoding/strict-base64.ts';
import { gcmOpen, gcmSeal, tagLength } from '../hazmat/node-primitives.ts';
import { writeRandom } from '../hazmat/nonce-pool.ts';
import { deriveXaesKey, xaesNonceLength, xaesPrefixLength } from '../hazmat/xaes-256-gcm.ts';
import { type Dek, headerLength, suite } from './root-key.ts';

/** What each sealed string begins with. */
export const encPrefix = 'enc:v1:';

/**
 * What a sealed string is bound to: a purpose, then what that purpose names (docs/format.md, section 4). The same fields in the same
 * order open it, nothing else does.
 */
export type Context = readonly [purpose: string, org: string, ...fields: Field[]];

const nonceAt = headerLength;
const gcmNonceAt = nonceAt + xaesPrefixLength;
const ciphertextAt = headerLength + xaesNonceLength;
const shortest = ciphertextAt + tagLength;
/** Characters of the prefix and the 21-byte header: the same for all strings of one DEK. */
export const encHeaderCharacters = encPrefix.length + (headerLength / 3) * 4;

const prefixCharacters = (xaesPrefixLength / 3) * 4;

/** Values sealed under one nonce prefix before a new one is drawn. */
const valuesPerPrefix = 2 ** 16;
/** Derived keys kept per DEK: one per writer whose values are being read. */
const derivedKeysKept = 256;

interface Derived {
  /** `enc:v1:` and the header in base64. */
  readonly start: string;
  /** Derived keys of readers, by nonce prefix; the least lately used is first. */
  readonly byPrefix: Map<string, KeyObject>;
  prefix: Buffer;
  writer: KeyObject | undefined;
  left: number;
}

/** Derived keys live and die with the DEK that they come from: dropping the DEK drops them. */
const derivedKeys = new WeakMap<Dek, Derived>();

function derivedOf(dek: Dek): Derived {
  let derived = derivedKeys.get(dek);
  if (derived === undefined) {
    const start = encPrefix + dek.header.toString('base64');
    derived = { start, byPrefix: new Map(), prefix: Buffer.alloc(xaesPrefixLength), writer: undefined, left: 0 };
    derivedKeys.set(dek, derived);
  }
  return derived;
}

function writerKey(dek: Dek, derived: Derived): KeyObject {
  if (derived.writer === undefined || derived.left === 0) {
    writeRandom(derived.prefix, 0, xaesPrefixLength);
    derived.writer = deriveXaesKey(dek.encryption, derived.prefix);
    derived.left = valuesPerPrefix;
  }
  derived.left--;
  return derived.writer;
}

/** The key for the nonce prefix of a string: 12 bytes of it, which are 16 characters. */
function readerKey(dek: Dek, derived: Derived, sealed: string, bytes: Buffer): KeyObject {
  const found = derived.byPrefix.get(sealed.slice(encHeaderCharacters, encHeaderCharacters + prefixCharacters));
  if (found !== undefined) return found;
  const prefix = bytes.subarray(nonceAt, nonceAt + xaesPrefixLength);
  const key = deriveXaesKey(dek.encryption, prefix);
  // Encoded anew: a slice as key of the map would keep the whole string alive.
  const name = prefix.toString('base64');
  if (derived.byPrefix.size >= derivedKeysKept) {
    const [oldest] = derived.byPrefix.keys();
    if (oldest !== undefined) derived.byPrefix.delete(oldest);
  }
  derived.byPrefix.set(name, key);
  return key;
}

/** Scratch for the AAD: contexts are short, and GCM has consumed them when the call returns. */
const scratch = Buffer.allocUnsafe(1024);

function aadOf(dek: Dek, context: Context): Buffer {
  const length = headerLength + fieldsLength(context);
  const target = length <= scratch.length ? scratch : Buffer.allocUnsafe(length);
  dek.header.copy(target);
  return target.subarray(0, writeFields(target, headerLength, context));
}

/** Seals `plaintext` for `context` under a nonce of its own. Returns an `enc:v1:` string. */
export function seal(dek: Dek, context: Context, plaintext: Uint8Array): string {
  const derived = derivedOf(dek);
  const key = writerKey(dek, derived);
  const out = Buffer.allocUnsafe(shortest + plaintext.length);
  dek.header.copy(out);
  derived.prefix.copy(out, nonceAt);
  writeRandom(out, gcmNonceAt, ciphertextAt - gcmNonceAt);
  gcmSeal(key, out.subarray(gcmNonceAt, ciphertextAt), aadOf(dek, context), plaintext, out, ciphertextAt);
  return encPrefix + out.toString('base64');
}

/**
 * Opens an `enc:v1:` string that was sealed under this DEK for this context.
 * @throws DecryptionError for every cause: form, suite, version, commitment, context, any changed bit
 */
export function open(dek: Dek, context: Context, sealed: string): Buffer {
  const derived = derivedOf(dek);
  // Suite, DEK version and commitment at once, before any decryption. They are public, so time may tell.
  if (!sealed.startsWith(derived.start)) throw new DecryptionError();
  const bytes = decodeBase64(sealed, encPrefix.length);
  if (bytes === undefined || bytes.length < shortest) throw new DecryptionError();
  const key = readerKey(dek, derived, sealed, bytes);
  const nonce = bytes.subarray(gcmNonceAt, ciphertextAt);
  return gcmOpen(key, nonce, aadOf(dek, context), bytes.subarray(ciphertextAt));
}

/** Whether a string says of itself that it was sealed under this DEK: by its first 35 characters, without opening it. */
export const claimsDek = (dek: Dek, sealed: string): boolean => sealed.startsWith(derivedOf(dek).start);

/** The DEK version that a sealed string names, so that its key can be fetched. @throws DecryptionError */
export function sealedVersion(sealed: string): number {
  const bytes = sealed.startsWith(encPrefix) ? Buffer.from(sealed.slice(encPrefix.length, 15), 'base64') : undefined;
  if (bytes === undefined || bytes.length < 5 || bytes.readUInt8(0) !== suite) throw new DecryptionError();
  return bytes.readUInt32BE(1);
}
