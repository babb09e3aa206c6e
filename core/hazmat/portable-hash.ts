/** SHA-256, HKDF and HMAC with SHA-256 in Node and in browsers. */
import { type Bytes, toNonSharedBytes } from '../encoding/bytes.ts';
import { findNodeCrypto } from './optional-node-crypto.ts';

/** SHA-256: 32 bytes. Uses node:crypto where available, because WebCrypto copies its input. */
export async function portableSha256(bytes: Uint8Array): Promise<Bytes> {
  const node = findNodeCrypto();
  if (node !== undefined) return new Uint8Array(node.createHash('sha256').update(bytes).digest());
  return new Uint8Array(await crypto.subtle.digest('SHA-256', toNonSharedBytes(bytes)));
}

/**
 * HKDF-SHA-256 (RFC 5869). Returns `length` bytes, which the caller zeroes after use. Uses node:crypto where available:
 * two jobs of WebCrypto take as long as the encryption of a megabyte.
 */
export async function portableHkdfSha256(
  key: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  length: number,
): Promise<Bytes> {
  const node = findNodeCrypto();
  if (node !== undefined) return new Uint8Array(node.hkdfSync('sha256', node.createSecretKey(key), salt, info, length));
  const base = await crypto.subtle.importKey('raw', toNonSharedBytes(key), 'HKDF', false, ['deriveBits']);
  const parameters = { name: 'HKDF', hash: 'SHA-256', salt: toNonSharedBytes(salt), info: toNonSharedBytes(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, base, length * 8));
}

const importHmacKey = (key: Uint8Array): Promise<CryptoKey> =>
  crypto.subtle.importKey('raw', toNonSharedBytes(key), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);

/** HMAC-SHA-256 (RFC 2104): 32 bytes. */
export const portableHmacSha256 = async (key: Uint8Array, message: Uint8Array): Promise<Bytes> =>
  new Uint8Array(await crypto.subtle.sign('HMAC', await importHmacKey(key), toNonSharedBytes(message)));

/** Whether `mac` is the HMAC-SHA-256 of the message. Compared in constant time by WebCrypto. */
export const verifyPortableHmacSha256 = async (key: Uint8Array, message: Uint8Array, mac: Uint8Array) =>
  await crypto.subtle.verify('HMAC', await importHmacKey(key), toNonSharedBytes(mac), toNonSharedBytes(message));
