/**
 * The key derivation of XAES-256-GCM (c2sp.org/XAES-256-GCM). The first half of the 24-byte nonce derives a key from
 * the main key. The second half is the GCM nonce for that key. Random nonces are therefore safe for far more messages
 * than the 2^32 of plain AES-GCM. Key derivation is separate from sealing, so that one derived key can be used for many
 * values.
 *
 * This file draws no nonces. Only core/encryption and tests import it.
 */
import { createCipheriv, type KeyObject } from 'node:crypto';
import { gcmOpen, gcmSeal, importKeyAndZero } from './node-primitives.ts';

export const xaesNonceLength = 24;
/** Bytes of the nonce that select the derived key. */
export const xaesPrefixLength = 12;

const blockLength = 16;

/** A main key and the CMAC subkey K1, which every derivation needs. */
export interface XaesKey {
  readonly key: KeyObject;
  readonly k1: Buffer;
}

function encryptBlocks(key: KeyObject, blocks: Uint8Array): Buffer {
  // One or two independent blocks, as required by CMAC and the counter-mode KDF of SP 800-108. This is ECB by
  // definition.
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  const out = cipher.update(blocks);
  cipher.final();
  return out;
}

/** Prepares a 32-byte key: K1 = 2·AES(K, 0) in GF(2^128) (SP 800-38B section 6.1). */
export function prepareXaesKey(key: KeyObject): XaesKey {
  const k1 = encryptBlocks(key, Buffer.alloc(blockLength));
  let carry = 0;
  for (let i = blockLength - 1; i >= 0; i--) {
    const byte = k1.readUInt8(i);
    k1.writeUInt8(((byte << 1) | carry) & 0xff, i);
    carry = byte >>> 7;
  }
  // No branch depends on the secret bit that was shifted out.
  k1.writeUInt8(k1.readUInt8(blockLength - 1) ^ (0x87 & -carry), blockLength - 1);
  return { key, k1 };
}

/**
 * Derives the key for all nonces that begin with these 12 bytes: CMAC(K, 0x0001 ‖ "X" ‖ 0 ‖ prefix) ‖ CMAC(K, 0x0002 ‖
 * …).
 */
export function deriveXaesSubkey(main: XaesKey, prefix: Uint8Array): KeyObject {
  if (prefix.length !== xaesPrefixLength) throw new RangeError('the nonce prefix must have 12 bytes');
  const blocks = Buffer.alloc(2 * blockLength);
  for (const [at, counter] of [
    [0, 1],
    [blockLength, 2],
  ] as const) {
    blocks.set([0, counter, 0x58, 0], at);
    blocks.set(prefix, at + 4);
    for (let i = 0; i < blockLength; i++) blocks.writeUInt8(blocks.readUInt8(at + i) ^ main.k1.readUInt8(i), at + i);
  }
  const derived = importKeyAndZero(encryptBlocks(main.key, blocks));
  blocks.fill(0);
  return derived;
}

/**
 * Complete XAES-256-GCM with an explicit nonce. Returns ciphertext and tag. Used only for the published test vectors.
 */
export function xaesSeal(main: XaesKey, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(plaintext.length + 16);
  const derived = deriveXaesSubkey(main, nonce.subarray(0, xaesPrefixLength));
  gcmSeal(derived, nonce.subarray(xaesPrefixLength), aad, plaintext, out, 0);
  return out;
}

/** The inverse of {@link xaesSeal}. @throws DecryptionError */
export function xaesOpen(main: XaesKey, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Buffer {
  const derived = deriveXaesSubkey(main, nonce.subarray(0, xaesPrefixLength));
  return gcmOpen(derived, nonce.subarray(xaesPrefixLength), aad, sealed);
}
