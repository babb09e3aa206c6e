/**
 * AES-256-GCM for the chunks of one blob (docs/format.md, section 9). Uses node:crypto where available and WebCrypto
 * otherwise. In Node, one WebCrypto call costs as much as sealing 64 KiB. node:crypto is loaded at run time, so that
 * bundlers for browsers find nothing to replace.
 *
 * The caller of `seal` must ensure that no index is sealed twice with different plaintext. Only blob-stream.ts calls
 * it.
 */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, concatBytes, detachBuffer, toNonSharedBytes } from '../encoding/bytes.ts';
import { findNodeCrypto, type NodeCrypto } from './optional-node-crypto.ts';

/** Length of the tag of each chunk, in bytes. */
export const chunkTagLength = 16;

export interface ChunkCipher {
  /** Returns the ciphertext and tag of one chunk. */
  seal(index: number, last: boolean, plaintext: Uint8Array): Promise<Bytes>;
  /** Seals one chunk piece by piece, which avoids all copies. Absent where the platform does not support it. */
  beginEncrypt?(index: number, last: boolean): ChunkSealing;
  /** Opens one chunk piece by piece; absent like `beginEncrypt`. */
  beginOpen?(index: number, last: boolean): ChunkOpening;
  /**
   * Returns the plaintext of one chunk.
   * @param sealed ciphertext and tag
   * @throws DecryptionError
   */
  open(index: number, last: boolean, sealed: Uint8Array): Promise<Bytes>;
}

/** Seals a chunk piece by piece. */
export interface ChunkSealing {
  /** Returns the ciphertext of the next piece, which has the same length. */
  update(plaintext: Uint8Array): Bytes;
  /** Returns the tag. Called after the last piece. */
  end(): Bytes;
}

/**
 * Opens a chunk piece by piece. The results of `update` are not authentic, and must not be released, before `end` has
 * returned.
 */
export interface ChunkOpening {
  /** Returns the plaintext of the next piece, which has the same length. */
  update(ciphertext: Uint8Array): Bytes;
  /**
   * @throws DecryptionError when the tag does not verify over all pieces; the caller then zeroes the results of
   *   `update`
   */
  end(tag: Uint8Array): void;
}

/** u88(index) ‖ 1 for the last chunk, 0 for all others. */
function chunkNonce(index: number, last: boolean): Bytes {
  if (!Number.isSafeInteger(index) || index < 0) throw new RangeError('not a chunk index');
  const nonce = new Uint8Array(12);
  // Without a DataView, for which the engine would allocate a buffer outside of its heap.
  for (let at = 10, rest = index; rest > 0; at--, rest = Math.floor(rest / 256)) nonce[at] = rest % 256;
  nonce[11] = last ? 1 : 0;
  return nonce;
}

const gcmAlgorithm = 'aes-256-gcm';
const tagLengthOption = { authTagLength: chunkTagLength };

function createNodeChunkCipher(node: NodeCrypto, keyBytes: Uint8Array): ChunkCipher {
  const key = node.createSecretKey(keyBytes);
  const begin = (index: number, last: boolean): ChunkSealing => {
    const cipher = node.createCipheriv(gcmAlgorithm, key, chunkNonce(index, last), tagLengthOption);
    return {
      update: (plaintext) => cipher.update(plaintext),
      end: () => {
        cipher.final();
        return cipher.getAuthTag();
      },
    };
  };
  const beginOpen = (index: number, last: boolean): ChunkOpening => {
    const decipher = node.createDecipheriv(gcmAlgorithm, key, chunkNonce(index, last), tagLengthOption);
    return {
      update: (ciphertext) => decipher.update(ciphertext),
      end: (tag) => {
        try {
          decipher.setAuthTag(tag);
          decipher.final();
        } catch {
          throw new DecryptionError();
        }
      },
    };
  };
  return {
    beginEncrypt: begin,
    beginOpen,
    seal: async (index, last, plaintext) => {
      const sealing = begin(index, last);
      const ciphertext = sealing.update(plaintext);
      const sealed = concatBytes(ciphertext, sealing.end());
      detachBuffer(ciphertext);
      return sealed;
    },
    open: async (index, last, sealed) => {
      const end = sealed.length - chunkTagLength;
      if (end < 0) throw new DecryptionError();
      const opening = beginOpen(index, last);
      const plaintext = opening.update(sealed.subarray(0, end));
      try {
        opening.end(sealed.subarray(end));
      } catch (error) {
        plaintext.fill(0);
        throw error;
      }
      return plaintext;
    },
  };
}

/** @internal */
export async function createWebCryptoChunkCipher(keyBytes: Bytes): Promise<ChunkCipher> {
  const key = await crypto.subtle.importKey('raw', keyBytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
  const parameters = (index: number, last: boolean) => ({
    name: 'AES-GCM',
    iv: chunkNonce(index, last),
    tagLength: chunkTagLength * 8,
  });
  return {
    seal: async (index, last, plaintext) =>
      new Uint8Array(await crypto.subtle.encrypt(parameters(index, last), key, toNonSharedBytes(plaintext))),
    open: async (index, last, sealed) => {
      try {
        return new Uint8Array(await crypto.subtle.decrypt(parameters(index, last), key, toNonSharedBytes(sealed)));
      } catch {
        throw new DecryptionError();
      }
    },
  };
}

/**
 * Creates the cipher of one blob.
 * @param key 32 bytes; zeroed here
 */
export async function createChunkCipher(key: Bytes): Promise<ChunkCipher> {
  const node = findNodeCrypto();
  const cipher = node === undefined ? await createWebCryptoChunkCipher(key) : createNodeChunkCipher(node, key);
  key.fill(0);
  return cipher;
}
