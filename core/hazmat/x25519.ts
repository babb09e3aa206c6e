/** X25519 (RFC 7748), in Node, browsers and workers. */
import { x25519 } from '@noble/curves/ed25519.js';
import { type Bytes, toNonSharedBytes } from '../encoding/bytes.ts';
import { findNodeCurves } from './node-curves.ts';

/** Bytes of a secret key, of a public key, and of a shared secret. */
export const x25519KeyLength = 32;

export interface X25519KeyPair {
  readonly secret: Bytes;
  readonly key: Bytes;
}

/** The public key of a secret key: 32 bytes. @throws RangeError for another length */
export function x25519PublicKey(secret: Uint8Array): Bytes {
  if (secret.length !== x25519KeyLength) throw new RangeError('not an X25519 key');
  return findNodeCurves()?.x25519PublicKey(secret) ?? toNonSharedBytes(x25519.getPublicKey(secret));
}

/**
 * The shared secret: 32 bytes, which the caller zeroes.
 * @throws RangeError for keys of another length, and where the result would be zero (RFC 7748 section 6.1): a public key
 *   of low order would make the secret known to everyone
 */
export function x25519SharedSecret(secret: Uint8Array, key: Uint8Array): Bytes {
  if (secret.length !== x25519KeyLength || key.length !== x25519KeyLength) throw new RangeError('not an X25519 key');
  let shared: Bytes;
  try {
    shared = findNodeCurves()?.x25519SharedSecret(secret, key) ?? toNonSharedBytes(x25519.getSharedSecret(secret, key));
  } catch {
    throw new RangeError('not a usable X25519 key');
  }
  if (shared.every((byte) => byte === 0)) throw new RangeError('not a usable X25519 key');
  return shared;
}
