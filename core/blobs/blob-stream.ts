/** Seals and opens blobs as streams: chunk by chunk, in constant memory (docs/format.md, section 9). */

import { DecryptionError } from '../decryption-error.ts';
import type { Bytes } from '../encoding/bytes.ts';
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
import { BufferedByteReader, type ByteSource, type PieceGroup } from './byte-source.ts';

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
   * Yields the sealed blob in groups of pieces of any length. The caller owns each piece.
   * @throws RangeError when the content is not as long as the description states; the bytes yielded until then cannot
   *   be opened as a blob
   */
  seal(content: ByteSource): AsyncGenerator<PieceGroup, void, undefined> {
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

  async *#sealChunks(content: ByteSource): AsyncGenerator<PieceGroup, void, undefined> {
    const plain = this.#beginReading(content);
    // One buffer for all chunks, because filling a new one costs as much as encrypting it.
    const scratch = new Uint8Array(this.#chunkLength);
    try {
      yield [this.header.slice()];
      for (let index = 0, last = false; !last; index++) {
        const chunk = await plain.fill(scratch);
        last = await plain.atEnd();
        yield [await this.#cipher.seal(index, last, chunk)];
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
  ): AsyncGenerator<PieceGroup, void, undefined> {
    const plain = this.#beginReading(content);
    try {
      let group: PieceGroup = [this.header.slice()];
      for (let index = 0, left = length; left > 0; index++) {
        const chunkEnd = Math.max(0, left - this.#chunkLength);
        const sealing = begin(index, chunkEnd === 0);
        while (left > chunkEnd) {
          const piece = plain.takeReady(left - chunkEnd);
          if (piece !== undefined) {
            left -= piece.length;
            group.push(sealing.update(piece));
            continue;
          }
          // The caller gets what is sealed before the source is awaited.
          if (group.length > 0) yield group;
          group = [];
          await plain.atEnd();
        }
        // Extra content is detected before the tag that would complete the blob is released.
        if (left === 0) await plain.atEnd();
        group.push(sealing.end());
        yield group;
        group = [];
      }
    } finally {
      await plain.close();
    }
  }
}

export interface OpenedBlob {
  readonly description: BlobDescription;
  /**
   * The content, in one group of pieces per chunk. Each is authenticated before it is yielded. The iteration ends with a
   * DecryptionError when the blob is incomplete or altered.
   */
  readonly content: AsyncGenerator<PieceGroup, void, undefined>;
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
  const reader = new BufferedByteReader(sealed);
  try {
    const { parsed, key } = await deriveChunkKey(
      fragmentKey,
      blob,
      await reader.fill(new Uint8Array(blobHeaderLength)),
    );
    const openNext = openChunks(await createChunkCipher(key), reader, parsed.chunkLog2, length);
    const first = (await openNext()) ?? [];
    const description = parseBlobDescription(takeFirst(first, descriptionBlockLength));
    return { description, content: yieldContent(first, openNext, description.size, reader) };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/** Removes the first bytes from pieces. @throws DecryptionError when there are fewer */
function takeFirst(pieces: PieceGroup, length: number): Bytes {
  const taken = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const piece = pieces.shift();
    if (piece === undefined) throw new DecryptionError();
    taken.set(piece.subarray(0, length - at), at);
    if (piece.length > length - at) pieces.unshift(piece.subarray(length - at));
    at += piece.length;
  }
  return taken;
}

/** Opens the next chunk. Resolves to its pieces once its tag has verified, and to undefined after the last chunk. */
type ChunkOpener = () => Promise<PieceGroup | undefined>;

/**
 * @param length length of the sealed blob, if known
 * @throws DecryptionError when no blob has this length
 */
function openChunks(
  cipher: ChunkCipher,
  reader: BufferedByteReader,
  chunkLog2: ChunkLog2,
  length: number | undefined,
): ChunkOpener {
  const sealedLength = sealedChunkLength(chunkLog2);
  const begin = cipher.beginOpen;
  if (length !== undefined) computeBlobLayout(length, chunkLog2);
  if (length === undefined || begin === undefined) return openWholeChunks(cipher, reader, sealedLength);
  let left = length - blobHeaderLength;
  let index = 0;
  return async () => {
    if (left === 0) return undefined;
    const chunkLength = Math.min(left, sealedLength);
    left -= chunkLength;
    return openPieces(begin(index++, left === 0), reader, chunkLength - chunkTagLength, left === 0);
  };
}

/** Opens one chunk. Resolves once its tag has verified. */
async function openPieces(
  opening: ChunkOpening,
  reader: BufferedByteReader,
  length: number,
  last: boolean,
): Promise<PieceGroup> {
  const opened: PieceGroup = [];
  try {
    for (let left = length; left > 0; ) {
      const piece = reader.takeReady(left);
      if (piece !== undefined) {
        opened.push(opening.update(piece));
        left -= piece.length;
      } else if (await reader.atEnd()) throw new DecryptionError();
    }
    opening.end(await reader.fill(new Uint8Array(chunkTagLength)));
    if (last && !(await reader.atEnd())) throw new DecryptionError();
    return opened;
  } catch (error) {
    for (const piece of opened) piece.fill(0);
    throw error;
  }
}

function openWholeChunks(cipher: ChunkCipher, reader: BufferedByteReader, sealedLength: number): ChunkOpener {
  // One buffer for all chunks, because filling a new one costs as much as opening it.
  const scratch = new Uint8Array(sealedLength);
  let index = 0;
  let last = false;
  return async () => {
    if (last) return undefined;
    const sealed = await reader.fill(scratch);
    last = await reader.atEnd();
    const chunk = await cipher.open(index++, last, sealed);
    // If empty chunks were accepted, ciphertexts of two lengths could encode the same content.
    if (chunk.length === 0) throw new DecryptionError();
    return [chunk];
  };
}

async function* yieldContent(
  first: PieceGroup,
  openNext: ChunkOpener,
  size: number | undefined,
  reader: BufferedByteReader,
): AsyncGenerator<PieceGroup, void, undefined> {
  let length = 0;
  try {
    for (let opened: PieceGroup | undefined = first; opened !== undefined; opened = await openNext()) {
      for (const piece of opened) length += piece.length;
      if (opened.length > 0) yield opened;
    }
    if (size !== undefined && size !== length) throw new DecryptionError();
  } finally {
    await reader.close();
  }
}
