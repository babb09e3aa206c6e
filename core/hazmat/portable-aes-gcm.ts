/**
 * AES-256-GCM boxes in Node and in browsers: nonce 12 ‖ ciphertext ‖ tag 16. Uses node:crypto where available, because
 * one WebCrypto call costs about ten times as much there.
 */

import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, concatBytes, toNonSharedBytes } from '../encoding/bytes.ts';
import type { CryptoKey } from './crypto-key.ts';
import { findNodeCrypto, type NodeCrypto } from './optional-node-crypto.ts';

const nonceLength = 12;
const tagLength = 16;
const keyLength = 32;

/** Bytes by which a box is longer than its plaintext. */
export const boxOverhead = nonceLength + tagLength;

/** Returns random bytes. Tests and worked examples replace it. */
export type RandomSource = (length: number) => Uint8Array;

export const randomBytes: RandomSource = (length) => crypto.getRandomValues(new Uint8Array(length));

export interface BoxKey {
  /** Seals a plaintext under a random nonce. */
  seal(aad: Uint8Array, plaintext: Uint8Array, random?: RandomSource): Promise<Bytes>;
  /**
   * Opens a box.
   * @throws DecryptionError for every cause
   */
  open(aad: Uint8Array, box: Uint8Array): Promise<Bytes>;
}

const gcmAlgorithm = 'aes-256-gcm';
const gcmName = 'AES-GCM';
const tagLengthOption = { authTagLength: tagLength };

function createNodeBoxKey(node: NodeCrypto, keyBytes: Uint8Array): BoxKey {
  const key = node.createSecretKey(keyBytes);
  return {
    seal: async (aad, plaintext, random = randomBytes) => {
      const nonce = random(nonceLength);
      const cipher = node.createCipheriv(gcmAlgorithm, key, nonce, tagLengthOption);
      cipher.setAAD(aad);
      const ciphertext = cipher.update(plaintext);
      cipher.final();
      return concatBytes(nonce, ciphertext, cipher.getAuthTag());
    },
    open: async (aad, box) => {
      const end = box.length - tagLength;
      if (end < nonceLength) throw new DecryptionError();
      const decipher = node.createDecipheriv(gcmAlgorithm, key, box.subarray(0, nonceLength), tagLengthOption);
      decipher.setAAD(aad);
      decipher.setAuthTag(box.slice(end));
      const plaintext = decipher.update(box.subarray(nonceLength, end));
      try {
        decipher.final();
      } catch {
        plaintext.fill(0);
        throw new DecryptionError();
      }
      // Not as a Buffer, whose `slice` shares memory.
      return toNonSharedBytes(plaintext);
    },
  };
}

const usages: KeyUsage[] = ['encrypt', 'decrypt'];

/** @internal */
export const createWebCryptoBoxKey = async (keyBytes: Uint8Array): Promise<BoxKey> =>
  boxKeyOf(await crypto.subtle.importKey('raw', toNonSharedBytes(keyBytes), gcmName, false, usages));

/** A new key that cannot be exported, for platforms that store keys as they are. */
export const generateBoxCryptoKey = (): Promise<CryptoKey> =>
  crypto.subtle.generateKey({ name: gcmName, length: keyLength * 8 }, false, usages);

/** The boxes of a key of WebCrypto. @param key AES-256-GCM, for both directions */
export function boxKeyOf(key: CryptoKey): BoxKey {
  const parameters = (nonce: Uint8Array, aad: Uint8Array) => ({
    name: gcmName,
    iv: toNonSharedBytes(nonce),
    additionalData: toNonSharedBytes(aad),
    tagLength: tagLength * 8,
  });
  return {
    seal: async (aad, plaintext, random = randomBytes) => {
      const nonce = random(nonceLength);
      const sealed = await crypto.subtle.encrypt(parameters(nonce, aad), key, toNonSharedBytes(plaintext));
      return concatBytes(nonce, new Uint8Array(sealed));
    },
    open: async (aad, box) => {
      if (box.length < boxOverhead) throw new DecryptionError();
      const [nonce, sealed] = [box.subarray(0, nonceLength), box.subarray(nonceLength)];
      try {
        return new Uint8Array(await crypto.subtle.decrypt(parameters(nonce, aad), key, toNonSharedBytes(sealed)));
      } catch {
        throw new DecryptionError();
      }
    },
  };
}

/**
 * Imports a key. The caller zeroes its bytes after use.
 * @param key 32 bytes
 * @throws RangeError for another length
 */
export async function importBoxKey(key: Uint8Array): Promise<BoxKey> {
  if (key.length !== keyLength) throw new RangeError('a box key must have 32 bytes');
  const node = findNodeCrypto();
  return node === undefined ? await createWebCryptoBoxKey(key) : createNodeBoxKey(node, key);
}

/** Runs `use` with the key, and zeroes its bytes. */
export async function withBoxKey<T>(key: Uint8Array, use: (box: BoxKey) => Promise<T>): Promise<T> {
  try {
    return await use(await importBoxKey(key));
  } finally {
    key.fill(0);
  }
}
