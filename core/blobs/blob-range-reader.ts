/** Reads parts of a blob (docs/format.md, section 9). Only the chunks that contain a part are fetched. */

import { DecryptionError } from '../decryption-error.ts';
import type { Bytes } from '../encoding/bytes.ts';
import { type ChunkCipher, chunkTagLength, createChunkCipher } from '../hazmat/chunk-cipher.ts';
import {
  type BlobDescription,
  type BlobId,
  blobHeaderLength,
  computeBlobLayout,
  descriptionBlockLength,
  parseBlobDescription,
} from './blob-format.ts';
import { deriveChunkKey } from './blob-key-derivation.ts';

/** Reads bytes `start` (inclusive) to `end` (exclusive) of the sealed blob. */
export type ReadCiphertextRange = (start: number, end: number) => Promise<Uint8Array>;

/**
 * Opens ranges of one blob. The returned bytes are authentic and at their original position. Only a range that reaches
 * the end of the blob proves that the blob was not truncated.
 */
export class BlobRangeReader {
  /** Bytes of content, computed from the length of the blob. */
  readonly contentLength: number;
  readonly #cipher: ChunkCipher;
  readonly #chunkLength: number;
  readonly #chunkCount: number;
  readonly #blobLength: number;
  readonly #readCiphertext: ReadCiphertextRange;

  private constructor(
    cipher: ChunkCipher,
    chunkLength: number,
    chunks: number,
    length: number,
    contentLength: number,
    read: ReadCiphertextRange,
  ) {
    this.#cipher = cipher;
    this.#chunkLength = chunkLength;
    this.#chunkCount = chunks;
    this.#blobLength = length;
    this.contentLength = contentLength;
    this.#readCiphertext = read;
  }

  /**
   * Reads the header.
   * @param length bytes of the sealed blob
   * @throws DecryptionError
   */
  static async open(
    fragmentKey: Uint8Array,
    blob: BlobId,
    length: number,
    read: ReadCiphertextRange,
  ): Promise<BlobRangeReader> {
    if (length < blobHeaderLength) throw new DecryptionError();
    const { parsed, key } = await deriveChunkKey(fragmentKey, blob, await readExactly(read, 0, blobHeaderLength));
    const cipher = await createChunkCipher(key);
    const { chunks, contentLength } = computeBlobLayout(length, parsed.chunkLog2);
    return new BlobRangeReader(cipher, 2 ** parsed.chunkLog2, chunks, length, contentLength, read);
  }

  /**
   * Media type, name and size as stated by the uploader.
   * @throws DecryptionError
   */
  async readDescription(): Promise<BlobDescription> {
    return parseBlobDescription(await this.#decryptRange(0, descriptionBlockLength));
  }

  /**
   * Reads bytes `start` (inclusive) to `end` (exclusive) of the content. Positions beyond the end of the content are
   * ignored.
   * @throws RangeError when `start` and `end` do not form a range
   * @throws DecryptionError
   */
  async readRange(start: number, end: number): Promise<Bytes> {
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
      throw new RangeError('start and end must be integers with 0 <= start <= end');
    }
    const stop = Math.min(end, this.contentLength);
    if (start >= stop) return new Uint8Array(0);
    return await this.#decryptRange(descriptionBlockLength + start, descriptionBlockLength + stop);
  }

  async #decryptRange(start: number, end: number): Promise<Bytes> {
    const sealedLength = this.#chunkLength + chunkTagLength;
    const first = Math.floor(start / this.#chunkLength);
    const afterLast = Math.ceil(end / this.#chunkLength);
    const at = (chunk: number) => Math.min(blobHeaderLength + chunk * sealedLength, this.#blobLength);
    const sealed = await readExactly(this.#readCiphertext, at(first), at(afterLast));
    const plain = new Uint8Array(end - start);
    for (let chunk = first; chunk < afterLast; chunk++) {
      const piece = sealed.subarray(at(chunk) - at(first), at(chunk + 1) - at(first));
      const opened = await this.#cipher.open(chunk, chunk === this.#chunkCount - 1, piece);
      const from = chunk * this.#chunkLength;
      plain.set(opened.subarray(Math.max(start - from, 0), end - from), Math.max(from - start, 0));
    }
    return plain;
  }
}

/**
 * Reads exactly the requested bytes.
 * @throws DecryptionError when storage returns a different number of bytes, because it then does not hold this blob
 */
async function readExactly(read: ReadCiphertextRange, start: number, end: number): Promise<Uint8Array> {
  const bytes = await read(start, end);
  if (bytes.length !== end - start) throw new DecryptionError();
  return bytes;
}
