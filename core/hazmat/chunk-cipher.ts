/**
 * AES-256-GCM over the chunks of one blob (docs/format.md, section 9), by node:crypto where that is there, else by WebCrypto: in Node a call
 * of WebCrypto costs what sealing 64 KiB does. Loaded at run time, so that bundlers for browsers find nothing to replace.
 *
 * Who calls `seal` answers for it that no index is sealed twice with different plaintext: only blob-stream.ts does.
 */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, concatBytes, detachBuffer, toNonSharedBytes } from '../encoding/bytes.ts';
import { findNodeCrypto, type NodeCrypto } from './optional-node-crypto.ts';

/** Bytes that each chunk is longer than its plaintext. */
export const chunkTagLength = 16;

export interface ChunkCipher {
  /** Ciphertext and tag of one chunk. */
  seal(index: number, last: boolean, plaintext: Uint8Array): Promise<Bytes>;
  /** The same piece by piece, which spares every copy; where the platform can. */
  beginEncrypt?(index: number, last: boolean): ChunkSealing;
  /** As `begin`, for opening. */
  beginOpen?(index: number, last: boolean): ChunkOpening;
  /** The plaintext of one chunk with its tag. @throws DecryptionError */
  open(index: number, last: boolean, sealed: Uint8Array): Promise<Bytes>;
}

/** A chunk that is being sealed. */
export interface ChunkSealing {
  /** The ciphertext of the next piece, as long as the piece. */
  update(plaintext: Uint8Array): Bytes;
  /** The tag, after the last piece. */
  end(): Bytes;
}

/** A chunk that is being opened: what `update` gives is not authentic, and must not leave, before `end` has returned. */
export interface ChunkOpening {
  /** The plaintext of the next piece, as long as the piece. */
  update(ciphertext: Uint8Array): Bytes;
  /** @throws DecryptionError when the tag is not that of all pieces; the caller zeroes what `update` gave */
  end(tag: Uint8Array): void;
}

/** u88(index) ‖ 1 for the last chunk, else 0. */
function chunkNonce(index: number, last: boolean): Bytes {
  if (!Number.isSafeInteger(index) || index < 0) throw new RangeError('not the index of a chunk');
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(3, BigInt(index));
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

/** The cipher of one blob; the key bytes are zeroed. */
export async function createChunkCipher(key: Bytes): Promise<ChunkCipher> {
  const node = findNodeCrypto();
  const cipher = node === undefined ? await createWebCryptoChunkCipher(key) : createNodeChunkCipher(node, key);
  key.fill(0);
  return cipher;
}
