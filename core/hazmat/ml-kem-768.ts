/** ML-KEM-768 (FIPS 203), in Node, browsers and workers. */
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { type Bytes, toNonSharedBytes } from '../encoding/bytes.ts';

/** Bytes of the seed d ‖ z, the form in which a decapsulation key is stored (FIPS 203 section 3.3). */
export const kemSeedLength = 64;
export const kemKeyLength = 1184;
export const kemCiphertextLength = 1088;
/** Bytes of the random message of an encapsulation, and of the shared secret. */
export const kemSecretLength = 32;

/** The encapsulation key of a seed (FIPS 203 algorithm 16): 1,184 bytes. */
export function kemPublicKey(seed: Uint8Array): Bytes {
  const { publicKey, secretKey } = ml_kem768.keygen(seed);
  secretKey.fill(0);
  return toNonSharedBytes(publicKey);
}

/**
 * Encapsulates (FIPS 203 algorithm 17).
 * @param message 32 random bytes, which the caller zeroes
 * @returns the ciphertext, and the shared secret, which the caller zeroes
 * @throws RangeError for a key that fails the check of its length or modulus (FIPS 203 section 7.2)
 */
export function encapsulate(key: Uint8Array, message: Uint8Array): { ciphertext: Bytes; secret: Bytes } {
  if (key.length !== kemKeyLength) throw new RangeError('not an ML-KEM-768 key');
  try {
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(key, message);
    return { ciphertext: toNonSharedBytes(cipherText), secret: toNonSharedBytes(sharedSecret) };
  } catch {
    throw new RangeError('not an ML-KEM-768 key');
  }
}

/**
 * Decapsulates (FIPS 203 algorithm 18). A ciphertext that was changed gives another secret, not an error.
 * @param seed 64 bytes. The decapsulation key is expanded from it, so its hash needs no check (FIPS 203 section 7.3)
 * @returns the encapsulation key of the seed, and the shared secret, which the caller zeroes
 * @throws RangeError for a ciphertext of another length
 */
export function decapsulate(seed: Uint8Array, ciphertext: Uint8Array): { key: Bytes; secret: Bytes } {
  if (seed.length !== kemSeedLength || ciphertext.length !== kemCiphertextLength)
    throw new RangeError('not ML-KEM-768');
  const { publicKey, secretKey } = ml_kem768.keygen(seed);
  const secret = ml_kem768.decapsulate(ciphertext, secretKey);
  secretKey.fill(0);
  return { key: toNonSharedBytes(publicKey), secret: toNonSharedBytes(secret) };
}
