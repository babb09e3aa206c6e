/** HKDF and HMAC with SHA-256, without promises. The functions of portable-hash.ts call WebCrypto, which needs them. */
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { type Bytes, toNonSharedBytes } from '../encoding/bytes.ts';

/** HKDF-SHA-256 (RFC 5869). Returns `length` bytes, which the caller zeroes after use. */
export const hkdfSha256 = (input: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Bytes =>
  toNonSharedBytes(hkdf(sha256, input, salt, info, length));

/** HMAC-SHA-256 (RFC 2104): 32 bytes. */
export const hmacSha256 = (key: Uint8Array, message: Uint8Array): Bytes => toNonSharedBytes(hmac(sha256, key, message));
