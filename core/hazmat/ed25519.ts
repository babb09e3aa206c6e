/**
 * Ed25519 (RFC 8032) in Node, browsers and workers, with one strict rule of verification. Readers of a signed chain must
 * agree on every signature, and implementations differ in these cases: encodings that are not canonical, keys of low or
 * mixed order, and the factor 8 in the equation.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { type Bytes, toNonSharedBytes } from '../encoding/bytes.ts';
import { findNodeCurves } from './node-curves.ts';
import { type RandomSource, randomBytes } from './portable-aes-gcm.ts';

export const ed25519KeyLength = 32;
export const ed25519SignatureLength = 64;

/** The seed is the private key of RFC 8032. Its owner zeroes it after use. */
export interface Ed25519KeyPair {
  readonly publicKey: Bytes;
  readonly seed: Bytes;
}

/** The public key of a seed of 32 bytes. */
export const ed25519PublicKey = (seed: Uint8Array): Bytes =>
  findNodeCurves()?.ed25519PublicKey(seed) ?? toNonSharedBytes(ed25519.getPublicKey(seed));

/** The key pair of a seed of 32 bytes. */
export const ed25519KeyPairOf = (seed: Uint8Array): Ed25519KeyPair => ({
  publicKey: ed25519PublicKey(seed),
  seed: toNonSharedBytes(seed),
});

/** A new key pair. @param random replaced only by tests and worked examples */
export const generateEd25519KeyPair = (random: RandomSource = randomBytes): Ed25519KeyPair =>
  ed25519KeyPairOf(random(ed25519KeyLength));

/** Signs a message: 64 bytes. @param seed 32 bytes */
export const signEd25519 = (seed: Uint8Array, message: Uint8Array): Bytes =>
  findNodeCurves()?.signEd25519(seed, message) ?? toNonSharedBytes(ed25519.sign(message, seed));

/** Whether the bytes are the canonical encoding of a point in the subgroup of prime order, other than the identity. */
function isPrimeOrderPoint(encoded: Uint8Array, allowsIdentity: boolean): boolean {
  try {
    const point = ed25519.Point.fromBytes(encoded, false);
    return (allowsIdentity || !point.is0()) && point.isTorsionFree();
  } catch {
    return false;
  }
}

/** Keys that were accepted lately, so that each is checked once. */
const acceptedKeys = new Set<string>();
const maxAcceptedKeys = 2048;

/** Whether the bytes are a public key that is accepted: of prime order, in the canonical encoding. */
export function isEd25519PublicKey(bytes: Uint8Array): boolean {
  if (bytes.length !== ed25519KeyLength) return false;
  const name = String.fromCharCode(...bytes);
  if (acceptedKeys.has(name)) return true;
  if (!isPrimeOrderPoint(bytes, false)) return false;
  if (acceptedKeys.size === maxAcceptedKeys) acceptedKeys.clear();
  acceptedKeys.add(name);
  return true;
}

/** Whether the key passes {@link isEd25519PublicKey}, and the signature verifies by the equation without the factor 8. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== ed25519SignatureLength || !isEd25519PublicKey(publicKey)) return false;
  const node = findNodeCurves();
  if (node !== undefined) return node.verifyEd25519(publicKey, message, signature);
  // The library multiplies the equation by 8. With a key of prime order, it then holds without the factor exactly if R
  // has no component of low order.
  return (
    ed25519.verify(signature, message, publicKey, { zip215: false }) &&
    isPrimeOrderPoint(signature.subarray(0, ed25519KeyLength), true)
  );
}
