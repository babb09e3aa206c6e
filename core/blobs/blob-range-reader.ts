/** Parts of a blob without the rest (docs/format.md, section 9): only the chunks that hold them are read. */

import { DecryptionError } from '../decryption-error.ts';
import type { Bytes } from '../encoding/bytes.ts';
import { blobTagLength, type ChunkCipher, chunkCipher } from '../hazmat/chunk-cipher.ts';
import {
  type BlobDescription,
  type BlobId,
  blobHeaderLength,
  descriptionLength,
  layoutOf,
  parseDescription,
} from './blob-format.ts';
import { keyOf } from './blob-key-derivation.ts';

/** Reads bytes `start` to `end`, excluded, of the sealed blob. */
export type ReadSealed = (start: number, end: number) => Promise<Uint8Array>;

/**
 * Opens ranges of one blob. What it gives is authentic and stands where it stood. That the blob ends where storage says is only proven
 * by a range that reaches its end.
 */
export class BlobRanges {
  /** Bytes of content, as the length of the blob tells. */
  readonly contentLength: number;
  readonly #cipher: ChunkCipher;
  readonly #chunkLength: number;
  readonly #chunks: number;
  readonly #length: number;
  readonly #read: ReadSealed;

  private constructor(
    cipher: ChunkCipher,
    chunkLength: number,
    chunks: number,
    length: number,
    contentLength: number,
    read: ReadSealed,
  ) {
    this.#cipher = cipher;
    this.#chunkLength = chunkLength;
    this.#chunks = chunks;
    this.#length = length;
    this.contentLength = contentLength;
    this.#read = read;
  }

  /**
   * Reads the header.
   * @param length bytes of the sealed blob
   * @throws DecryptionError
   */
  static async open(fragmentKey: Uint8Array, blob: BlobId, length: number, read: ReadSealed): Promise<BlobRanges> {
    if (length < blobHeaderLength) throw new DecryptionError();
    const { parsed, key } = await keyOf(fragmentKey, blob, await exactly(read, 0, blobHeaderLength));
    const cipher = await chunkCipher(key);
    const { chunks, contentLength } = layoutOf(length, parsed.chunkLog2);
    return new BlobRanges(cipher, 2 ** parsed.chunkLog2, chunks, length, contentLength, read);
  }

  /** Media type, name and size as the uploader gave them. @throws DecryptionError */
  async description(): Promise<BlobDescription> {
    return parseDescription(await this.#plain(0, descriptionLength));
  }

  /**
   * Bytes `start` to `end`, excluded, of the content; what lies beyond its end is left out.
   * @throws RangeError for what is no range
   * @throws DecryptionError
   */
  async range(start: number, end: number): Promise<Bytes> {
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
      throw new RangeError('not a range');
    }
    const stop = Math.min(end, this.contentLength);
    if (start >= stop) return new Uint8Array(0);
    return await this.#plain(descriptionLength + start, descriptionLength + stop);
  }

  async #plain(start: number, end: number): Promise<Bytes> {
    const sealedLength = this.#chunkLength + blobTagLength;
    const first = Math.floor(start / this.#chunkLength);
    const afterLast = Math.ceil(end / this.#chunkLength);
    const at = (chunk: number) => Math.min(blobHeaderLength + chunk * sealedLength, this.#length);
    const sealed = await exactly(this.#read, at(first), at(afterLast));
    const plain = new Uint8Array(end - start);
    for (let chunk = first; chunk < afterLast; chunk++) {
      const piece = sealed.subarray(at(chunk) - at(first), at(chunk + 1) - at(first));
      const opened = await this.#cipher.open(chunk, chunk === this.#chunks - 1, piece);
      const from = chunk * this.#chunkLength;
      plain.set(opened.subarray(Math.max(start - from, 0), end - from), Math.max(from - start, 0));
    }
    return plain;
  }
}

/** Storage that gives less than it was asked for does not hold this blob. */
async function exactly(read: ReadSealed, start: number, end: number): Promise<Uint8Array> {
  const bytes = await read(start, end);
  if (bytes.length !== end - start) throw new DecryptionError();
  return bytes;
}
