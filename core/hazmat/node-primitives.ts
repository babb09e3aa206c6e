/**
 * All primitives, taken from node:crypto and each defined once. Keys are KeyObjects: a raw key is parsed again in each
 * call and leads to copies that are never zeroed.
 */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { DecryptionError } from '../decryption-error.ts';

/** Length of a GCM tag, bytes. Always set explicitly, because node accepts shorter tags by default. */
export const gcmTagLength = 16;

/** Length of a GCM nonce, bytes. Other lengths take the GHASH path of SP 800-38D section 7.1 and are not used. */
export const gcmNonceLength = 12;

const gcmAlgorithm = 'aes-256-gcm';
const gcmOptions = { authTagLength: gcmTagLength };

/**
 * AES-256-GCM (SP 800-38D). Returns the ciphertext and its 16-byte tag.
 * @param key 32 bytes
 * @param nonce 12 bytes, never used twice with the same key
 */
export function gcmEncrypt(
  key: KeyObject,
  nonce: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): { readonly ciphertext: Buffer; readonly tag: Buffer } {
  if (nonce.length !== gcmNonceLength) throw new RangeError('a GCM nonce must have 12 bytes');
  const cipher = createCipheriv(gcmAlgorithm, key, nonce, gcmOptions);
  cipher.setAAD(aad);
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  return { ciphertext, tag: cipher.getAuthTag() };
}

/** As {@link gcmEncrypt}. Writes ciphertext and tag to `target` at `offset`. */
export function gcmSeal(
  key: KeyObject,
  nonce: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
  target: Buffer,
  offset: number,
): void {
  const { ciphertext, tag } = gcmEncrypt(key, nonce, aad, plaintext);
  target.set(ciphertext, offset);
  target.set(tag, offset + ciphertext.length);
}

/**
 * The inverse of {@link gcmSeal}. Returns plaintext only once the tag has verified.
 * @param sealed ciphertext and tag
 * @throws DecryptionError for every cause
 */
export function gcmOpen(key: KeyObject, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Buffer {
  const end = sealed.length - gcmTagLength;
  if (end < 0 || nonce.length !== gcmNonceLength) throw new DecryptionError();
  const decipher = createDecipheriv(gcmAlgorithm, key, nonce, gcmOptions);
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(end));
  const plaintext = decipher.update(sealed.subarray(0, end));
  try {
    decipher.final();
  } catch {
    // The result of update was not authentic, so it is zeroed.
    plaintext.fill(0);
    throw new DecryptionError();
  }
  return plaintext;
}

/** HKDF-SHA-256 (RFC 5869). Returns `length` bytes, which the caller zeroes after use. */
export function hkdfSha256(key: KeyObject | Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, info, length));
}

/** HMAC-SHA-256 (RFC 2104): 32 bytes. */
export function hmacSha256(key: KeyObject, message: Uint8Array): Buffer {
  return createHmac('sha256', key).update(message).digest();
}

/** Imports bytes as a KeyObject and zeroes them. After that, only OpenSSL holds the key and cleanses it. */
export function importKeyAndZero(bytes: Buffer): KeyObject {
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}
