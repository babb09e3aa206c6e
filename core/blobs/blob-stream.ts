/** Seals and opens blobs as streams: chunk by chunk, in constant memory (docs/format.md, section 9). */

import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, concatBytes } from '../encoding/bytes.ts';
import { type ChunkCipher, type ChunkOpening, chunkTagLength, createChunkCipher } from '../hazmat/chunk-cipher.ts';
import {
  type BlobDescription,
  type BlobId,
  blobHeaderLength,
  type ChunkLog2,
  chooseChunkLog2,
  computeBlobLayout,
  descriptionBlockLength,
  encodeBlobDescription,
  parseBlobDescription,
  sealedChunkLength,
} from './blob-format.ts';
import { createBlobHeader, deriveChunkKey } from './blob-key-derivation.ts';
import { BufferedByteReader, type ByteSource } from './byte-source.ts';

/** Seals one blob, once. The nonce of a chunk is its index, so no index may be used for two different plaintexts. */
export class BlobSealer {
  /** The first 64 bytes of the blob. */
  readonly header: Bytes;
  readonly #cipher: ChunkCipher;
  readonly #description: Bytes;
  readonly #chunkLength: number;
  readonly #contentLength: number | undefined;
  #used = false;

  /** @param description the encoded description */
  private constructor(
    header: Bytes,
    cipher: ChunkCipher,
    description: Bytes,
    contentLength: number | undefined,
    chunkLog2: ChunkLog2,
  ) {
    this.header = header;
    this.#cipher = cipher;
    this.#description = description;
    this.#contentLength = contentLength;
    this.#chunkLength = 2 ** chunkLog2;
  }

  /**
   * Starts a new blob with a new salt.
   * @throws RangeError when the description is too long or not well-formed
   */
  static async create(
    fragmentKey: Uint8Array,
    blob: BlobId,
    description: BlobDescription,
    chunkLog2: ChunkLog2 = chooseChunkLog2(description.size),
  ): Promise<BlobSealer> {
    const encoded = encodeBlobDescription(description);
    const { header, key } = await createBlobHeader(fragmentKey, blob, chunkLog2);
    return new BlobSealer(header, await createChunkCipher(key), encoded, description.size, chunkLog2);
  }

  /**
   * Resumes an interrupted sealing, to produce the same bytes again.
   *
   * The description and the content MUST be unchanged. Different plaintext under the same header would be encrypted
   * with the same key and nonce, which exposes both plaintexts (SP 800-38D section 8). The caller must compare the
   * output with hashes of the earlier output, and must not release any of it before that.
   *
   * @throws DecryptionError when the header does not belong to this key and this blob
   */
  static async resume(
    fragmentKey: Uint8Array,
    blob: BlobId,
    description: BlobDescription,
    header: Uint8Array,
  ): Promise<BlobSealer> {
    const encoded = encodeBlobDescription(description);
    const { parsed, key } = await deriveChunkKey(fragmentKey, blob, header);
    return new BlobSealer(header.slice(), await createChunkCipher(key), encoded, description.size, parsed.chunkLog2);
  }

  /**
   * Yields the sealed blob in pieces of any length. The caller owns each piece.
   * @throws RangeError when the content is not as long as the description states; the bytes yielded until then cannot
   *   be opened as a blob
   */
  seal(content: ByteSource): AsyncGenerator<Bytes, void, undefined> {
    // The nonce marks the last chunk. Without an announced size, a chunk must be read completely before it is known
    // whether it is the last. Neither generator delegates to another, because each piece would pass through both.
    if (this.#contentLength === undefined || this.#cipher.beginEncrypt === undefined) return this.#sealChunks(content);
    return this.#sealPieces(content, descriptionBlockLength + this.#contentLength, this.#cipher.beginEncrypt);
  }

  #beginReading(content: ByteSource): BufferedByteReader {
    if (this.#used) throw new Error('a BlobSealer can seal only once');
    this.#used = true;
    return new BufferedByteReader(content, this.#description, this.#contentLength);
  }

  async *#sealChunks(content: ByteSource): AsyncGenerator<Bytes, void, undefined> {
    const plain = this.#beginReading(content);
    // One buffer for all chunks, because filling a new one costs as much as encrypting it.
    const scratch = new Uint8Array(this.#chunkLength);
    try {
      yield this.header.slice();
      for (let index = 0, last = false; !last; index++) {
        const chunk = await plain.fill(scratch);
        last = await plain.atEnd();
        yield await this.#cipher.seal(index, last, chunk);
      }
    } finally {
      scratch.fill(0);
      await plain.close();
    }
  }

  async *#sealPieces(
    content: ByteSource,
    length: number,
    begin: NonNullable<ChunkCipher['beginEncrypt']>,
  ): AsyncGenerator<Bytes, void, undefined> {
    const plain = this.#beginReading(content);
    try {
      yield this.header.slice();
      for (let index = 0, left = length; left > 0; index++) {
        const last = left <= this.#chunkLength;
        const sealing = begin(index, last);
        const chunkEnd = left - Math.min(left, this.#chunkLength);
        while (left > chunkEnd) {
          const piece = plain.takeReady(left - chunkEnd);
          if (piece === undefined) await plain.atEnd();
          else {
            left -= piece.length;
            yield sealing.update(piece);
          }
        }
        // Extra content is detected before the tag that would complete the blob is released.
        if (last) await plain.atEnd();
        yield sealing.end();
      }
    } finally {
      await plain.close();
    }
  }
}

export interface OpenedBlob {
  readonly description: BlobDescription;
  /**
   * The content. Each piece is authenticated before it is yielded. The iteration ends with a DecryptionError when the
   * blob is incomplete or altered.
   */
  readonly content: AsyncGenerator<Bytes, void, undefined>;
}

/**
 * Opens a blob as it arrives. Resolves once the first chunk is authenticated.
 * @param length length of the sealed blob, if known. This avoids copies. The blob must then have exactly this length
 * @throws DecryptionError for a wrong key, the object of another blob, and any alteration
 */
export async function openBlob(
  fragmentKey: Uint8Array,
  blob: BlobId,
  sealed: ByteSource,
  length?: number,
): Promise<OpenedBlob> {
  const pieces = new BufferedByteReader(sealed);
  try {
    const { parsed, key } = await deriveChunkKey(
      fragmentKey,
      blob,
      await pieces.fill(new Uint8Array(blobHeaderLength)),
    );
    const cipher = await createChunkCipher(key);
    const body =
      length === undefined ? undefined : { length, chunks: computeBlobLayout(length, parsed.chunkLog2).chunks };
    const chunks = openChunks(cipher, pieces, sealedChunkLength(parsed.chunkLog2), body);
    const first = await chunks.next();
    const opened = first.done === true ? [] : first.value;
    const description = parseBlobDescription(takeFirst(opened, descriptionBlockLength));
    return { description, content: yieldContent(opened, chunks, description.size, pieces) };
  } catch (error) {
    await pieces.close();
    throw error;
  }
}

/** Removes the first bytes from pieces. @throws DecryptionError when there are fewer */
function takeFirst(pieces: Bytes[], length: number): Bytes {
  const taken: Bytes[] = [];
  for (let left = length; left > 0; ) {
    const piece = pieces.shift();
    if (piece === undefined) throw new DecryptionError();
    taken.push(piece.subarray(0, left));
    if (piece.length > left) pieces.unshift(piece.subarray(left));
    left -= Math.min(left, piece.length);
  }
  const [only] = taken;
  return taken.length === 1 && only !== undefined ? only : concatBytes(...taken);
}

/**
 * Yields the pieces of one chunk at a time. No byte of a chunk is yielded before its tag
 * has verified.
 */
async function* openChunks(
  cipher: ChunkCipher,
  pieces: BufferedByteReader,
  sealedLength: number,
  body: { readonly length: number; readonly chunks: number } | undefined,
): AsyncGenerator<Bytes[], void> {
  // One buffer for all chunks that are opened as a whole, because filling a new one costs as much as opening it.
  const scratch = new Uint8Array(body === undefined || cipher.beginOpen === undefined ? sealedLength : 0);
  for (let index = 0, last = false; !last; index++) {
    if (body !== undefined && cipher.beginOpen !== undefined) {
      last = index === body.chunks - 1;
      const left = body.length - blobHeaderLength - index * sealedLength;
      yield await openPieces(cipher.beginOpen(index, last), pieces, Math.min(left, sealedLength) - chunkTagLength);
      if (last && !(await pieces.atEnd())) throw new DecryptionError();
    } else {
      const sealed = await pieces.fill(scratch);
      last = await pieces.atEnd();
      const chunk = await cipher.open(index, last, sealed);
      // If empty chunks were accepted, ciphertexts of two lengths could encode the same content.
      if (chunk.length === 0) throw new DecryptionError();
      yield [chunk];
    }
  }
}

/** Opens one chunk in pieces. Returns them once the chunk is authenticated. */
async function openPieces(opening: ChunkOpening, pieces: BufferedByteReader, length: number): Promise<Bytes[]> {
  const opened: Bytes[] = [];
  try {
    for (let left = length; left > 0; ) {
      const piece = pieces.takeReady(left);
      if (piece !== undefined) {
        opened.push(opening.update(piece));
        left -= piece.length;
      } else if (await pieces.atEnd()) throw new DecryptionError();
    }
    opening.end(await pieces.fill(new Uint8Array(chunkTagLength)));
    return opened;
  } catch (error) {
    for (const piece of opened) piece.fill(0);
    throw error;
  }
}

async function* yieldContent(
  first: Bytes[],
  chunks: AsyncGenerator<Bytes[], void>,
  size: number | undefined,
  pieces: BufferedByteReader,
): AsyncGenerator<Bytes, void, undefined> {
  let length = 0;
  try {
    for (let opened: Bytes[] | undefined = first; opened !== undefined; ) {
      // Each piece is removed when it is yielded, so that it can be collected before the end of its chunk.
      for (let piece = opened.shift(); piece !== undefined; piece = opened.shift()) {
        length += piece.length;
        if (piece.length > 0) yield piece;
      }
      const next: IteratorResult<Bytes[], void> = await chunks.next();
      opened = next.done === true ? undefined : next.value;
    }
    if (size !== undefined && size !== length) throw new DecryptionError();
  } finally {
    await pieces.close();
  }
}
