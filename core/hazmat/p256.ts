/**
 * P-256 (FIPS 186-5, SP 800-186) by WebCrypto, in Node and in browsers: ECDH, and ECDSA with SHA-256. Points are the 65
 * bytes 04 ‖ X ‖ Y. Signatures are the 64 bytes r ‖ s with s in the lower half, so that a signature has one spelling.
 */

import { type Bytes, concatBytes, equalBytes, toNonSharedBytes } from '../encoding/bytes.ts';
import type { CryptoKey } from './crypto-key.ts';

export const pointLength = 65;
export const scalarLength = 32;
export const signatureLength = 64;

const fieldPrime = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const coefficientB = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
const groupOrder = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const toInteger = (bytes: Uint8Array): bigint => {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
};

const toScalarBytes = (value: bigint): Bytes => {
  const bytes = new Uint8Array(scalarLength);
  let rest = value;
  for (let at = scalarLength - 1; at >= 0; at--) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
};

/**
 * Whether the bytes are an uncompressed point on the curve. The point at infinity has no such encoding, and the cofactor
 * is 1, so every such point has the order of the group. Not left to WebCrypto, so that all platforms refuse the same
 * bytes.
 */
export function isCurvePoint(bytes: Uint8Array): boolean {
  if (bytes.length !== pointLength || bytes[0] !== 4) return false;
  const x = toInteger(bytes.subarray(1, 33));
  const y = toInteger(bytes.subarray(33));
  if (x >= fieldPrime || y >= fieldPrime) return false;
  return (y * y - (x * x * x - 3n * x + coefficientB)) % fieldPrime === 0n;
}

/** Whether the bytes are r ‖ s with 0 < r < n and 0 < s ≤ n/2. */
export function isLowSSignature(bytes: Uint8Array): boolean {
  if (bytes.length !== signatureLength) return false;
  const r = toInteger(bytes.subarray(0, scalarLength));
  const s = toInteger(bytes.subarray(scalarLength));
  return r > 0n && r < groupOrder && s > 0n && s <= groupOrder / 2n;
}

/** A key pair. The private key is in the hands of WebCrypto. */
export interface KeyPair {
  readonly publicKey: Bytes;
  readonly privateKey: CryptoKey;
}

type Algorithm = 'ECDH' | 'ECDSA';

const parametersOf = (name: Algorithm) => ({ name, namedCurve: 'P-256' });
const usagesOf = (name: Algorithm): KeyUsage[] => (name === 'ECDH' ? ['deriveBits'] : ['sign']);
const ecdsaParameters = { name: 'ECDSA', hash: 'SHA-256' };

/** A new key pair. @param extractable whether the private key can be exported */
export async function generateKeyPair(name: Algorithm, extractable: boolean): Promise<KeyPair> {
  const usages: KeyUsage[] = name === 'ECDH' ? ['deriveBits'] : ['sign', 'verify'];
  const pair = await crypto.subtle.generateKey(parametersOf(name), extractable, usages);
  return {
    publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)),
    privateKey: pair.privateKey,
  };
}

/**
 * PKCS #8 of a P-256 key (RFC 5958, RFC 5915) is this prefix, the scalar, the infix, and the point. Built here because a
 * JWK would hold the scalar in a string, which cannot be zeroed.
 */
const pkcs8Prefix = Uint8Array.of(
  ...[0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06],
  ...[0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20],
);
const pkcs8Infix = Uint8Array.of(0xa1, 0x44, 0x03, 0x42, 0x00);

/** The private scalar of an extractable key: 32 bytes, which the caller zeroes. */
export async function exportScalar(key: CryptoKey): Promise<Bytes> {
  const encoded = new Uint8Array(await crypto.subtle.exportKey('pkcs8', key));
  const start = pkcs8Prefix.length;
  const scalar = encoded.slice(start, start + scalarLength);
  encoded.fill(0, start);
  if (!equalBytes(encoded.subarray(0, start), pkcs8Prefix)) throw new RangeError('not a P-256 key');
  return scalar;
}

/**
 * Imports a key pair that is not extractable.
 * @throws RangeError unless the point is on the curve, the scalar is in 1 … n−1, and the two belong together
 */
export async function importKeyPair(name: Algorithm, publicKey: Uint8Array, scalar: Uint8Array): Promise<KeyPair> {
  const value = toInteger(scalar);
  if (!isCurvePoint(publicKey) || scalar.length !== scalarLength || value === 0n || value >= groupOrder)
    throw new RangeError('not a P-256 key pair');
  const encoded = concatBytes(pkcs8Prefix, scalar, pkcs8Infix, publicKey);
  try {
    const privateKey = await crypto.subtle.importKey('pkcs8', encoded, parametersOf(name), false, usagesOf(name));
    const pair = { publicKey: new Uint8Array(publicKey), privateKey };
    if (!(await (name === 'ECDH' ? agrees(pair) : signs(pair)))) throw new RangeError('not a P-256 key pair');
    return pair;
  } catch {
    throw new RangeError('not a P-256 key pair');
  } finally {
    encoded.fill(0);
  }
}

async function agrees({ publicKey, privateKey }: KeyPair): Promise<boolean> {
  const other = await generateKeyPair('ECDH', false);
  return equalBytes(
    await deriveSharedSecret(privateKey, other.publicKey),
    await deriveSharedSecret(other.privateKey, publicKey),
  );
}

async function signs({ publicKey, privateKey }: KeyPair): Promise<boolean> {
  const message = new Uint8Array(1);
  return await verifyMessage(await importVerificationKey(publicKey), message, await signMessage(privateKey, message));
}

/**
 * The ECDH secret: the X coordinate, 32 bytes, which the caller zeroes.
 * @throws RangeError for a point that is not on the curve
 */
export async function deriveSharedSecret(privateKey: CryptoKey, publicKey: Uint8Array): Promise<Bytes> {
  if (!isCurvePoint(publicKey)) throw new RangeError('not a P-256 point');
  const raw = toNonSharedBytes(publicKey);
  const imported = await crypto.subtle.importKey('raw', raw, parametersOf('ECDH'), false, []);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: 'ECDH', public: imported }, privateKey, 256));
}

/** Signs a message. WebCrypto returns either half for s; the lower one is returned. */
export async function signMessage(privateKey: CryptoKey, message: Uint8Array): Promise<Bytes> {
  const raw = new Uint8Array(await crypto.subtle.sign(ecdsaParameters, privateKey, toNonSharedBytes(message)));
  const s = toInteger(raw.subarray(scalarLength));
  const low = s > groupOrder / 2n ? groupOrder - s : s;
  return concatBytes(raw.subarray(0, scalarLength), toScalarBytes(low));
}

/** Imports a public key for {@link verifyMessage}. @throws RangeError for a point that is not on the curve */
export async function importVerificationKey(publicKey: Uint8Array): Promise<CryptoKey> {
  if (!isCurvePoint(publicKey)) throw new RangeError('not a P-256 point');
  return await crypto.subtle.importKey('raw', toNonSharedBytes(publicKey), parametersOf('ECDSA'), false, ['verify']);
}

/** Whether the signature has the form of {@link isLowSSignature} and verifies. */
export const verifyMessage = async (key: CryptoKey, message: Uint8Array, signature: Uint8Array): Promise<boolean> =>
  isLowSSignature(signature) &&
  (await crypto.subtle.verify(ecdsaParameters, key, toNonSharedBytes(signature), toNonSharedBytes(message)));
