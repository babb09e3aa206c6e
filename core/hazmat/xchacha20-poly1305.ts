/**
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03 section 2, over RFC 8439 section 2.8). A ciphertext ends with the
 * 16-byte tag.
 */
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, toNonSharedBytes } from '../encoding/bytes.ts';

export const xchachaKeyLength = 32;
export const xchachaNonceLength = 24;
export const xchachaTagLength = 16;

/** @param key 32 bytes @param nonce 24 bytes */
export const sealXChaCha = (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Bytes =>
  toNonSharedBytes(xchacha20poly1305(key, nonce, aad).encrypt(plaintext));

/** @throws DecryptionError for every cause */
export function openXChaCha(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Bytes {
  try {
    return toNonSharedBytes(xchacha20poly1305(key, nonce, aad).decrypt(ciphertext));
  } catch {
    throw new DecryptionError();
  }
}
