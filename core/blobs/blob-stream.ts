/** Blobs as streams: sealed and opened chunk by chunk, in constant memory (docs/format.md, section 9). */

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

/** Bytes in any division: a ReadableStream where those are iterable, an array of pieces, a generator. */
export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Takes lengths of one's own choice out of a source. */
class BufferedByteReader {
  readonly #source: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  readonly #expectedLength: number | undefined;
  #buffered: Uint8Array;
  #bytesRead = 0;

  /**
   * @param first stands before the source
   * @param size bytes that the source must have; any unless told
   */
  constructor(source: ByteSource, first = new Uint8Array(0), size?: number) {
    this.#source = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    this.#buffered = first;
    this.#expectedLength = size;
  }

  /** Fills the target, or takes all that is left; the part of it that was filled, good until it is filled again. */
  async fill(target: Bytes): Promise<Bytes> {
    let at = 0;
    while (at < target.length && !(await this.atEnd())) {
      const piece = this.takeBuffered(target.length - at);
      target.set(piece, at);
      at += piece.length;
    }
    return target.subarray(0, at);
  }

  /** What is at hand, at most so much; nothing before `atEnd` was asked. Good until that is asked again. */
  takeBuffered(maxLength: number): Uint8Array {
    const piece = this.#buffered.subarray(0, maxLength);
    this.#buffered = this.#buffered.subarray(piece.length);
    return piece;
  }

  /** Whether nothing is left. @throws RangeError when the source has more or less than it must */
  async atEnd(): Promise<boolean> {
    while (this.#buffered.length === 0) {
      const { done, value } = await this.#source.next();
      const ended = done === true;
      this.#bytesRead += ended ? 0 : value.length;
      const wrong = ended
        ? this.#bytesRead !== this.#expectedLength
        : this.#bytesRead > (this.#expectedLength ?? Number.POSITIVE_INFINITY);
      if (this.#expectedLength !== undefined && wrong)
        throw new RangeError(`the content is not ${this.#expectedLength} bytes long`);
      if (ended) return true;
      this.#buffered = value;
    }
    return false;
  }

  /** Tells the source that no more is wanted. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }
}

/** Seals one blob, once: its chunks are numbered, and a number must never be used for two different plaintexts. */
export class BlobSealer {
  /** The first 64 bytes of the blob. */
  readonly header: Bytes;
  readonly #cipher: ChunkCipher;
  readonly #description: Bytes;
  readonly #chunkLength: number;
  readonly #contentLength: number | undefined;
  #used = false;

  private constructor(header: Bytes, cipher: ChunkCipher, description: BlobDescription, chunkLog2: ChunkLog2) {
    this.header = header;
    this.#cipher = cipher;
    this.#description = encodeBlobDescription(description);
    this.#chunkLength = 2 ** chunkLog2;
    this.#contentLength = description.size;
  }

  /** A new blob, with a salt of its own. @throws RangeError for a description that is too long */
  static async create(
    fragmentKey: Uint8Array,
    blob: BlobId,
    description: BlobDescription,
    chunkLog2: ChunkLog2 = chooseChunkLog2(description.size),
  ): Promise<BlobSealer> {
    encodeBlobDescription(description);
    const { header, key } = await createBlobHeader(fragmentKey, blob, chunkLog2);
    return new BlobSealer(header, await createChunkCipher(key), description, chunkLog2);
  }

  /**
   * The sealer of a blob whose sealing broke off, to make the same bytes again.
   *
   * The description and the content MUST be what they were: other plaintext under the same header would be other plaintext under the same key
   * and nonce, which gives both away (SP 800-38D section 8). Compare what comes out with hashes of what was made before, and let none of it
   * leave before that.
   *
   * @throws DecryptionError when the header is not of this key and this blob
   */
  static async resume(
    fragmentKey: Uint8Array,
    blob: BlobId,
    description: BlobDescription,
    header: Uint8Array,
  ): Promise<BlobSealer> {
    const { parsed, key } = await deriveChunkKey(fragmentKey, blob, header);
    return new BlobSealer(header.slice(), await createChunkCipher(key), description, parsed.chunkLog2);
  }

  /**
   * The blob, in pieces of any length, each of which is the caller's own.
   * @throws RangeError when the content is not as long as its description says; what came out until then opens as nothing
   */
  async *seal(content: ByteSource): AsyncGenerator<Bytes, void, undefined> {
    if (this.#used) throw new Error('a blob is sealed once');
    this.#used = true;
    const plain = new BufferedByteReader(content, this.#description, this.#contentLength);
    try {
      yield this.header.slice();
      // Which chunk is the last stands in its nonce, so without a size it must be known before it is begun.
      if (this.#contentLength === undefined || this.#cipher.beginEncrypt === undefined) yield* this.#sealChunks(plain);
      else yield* this.#sealPieces(plain, descriptionBlockLength + this.#contentLength, this.#cipher.beginEncrypt);
    } finally {
      await plain.close();
    }
  }

  async *#sealChunks(plain: BufferedByteReader): AsyncGenerator<Bytes, void, undefined> {
    // One for all chunks: filling a fresh one costs as much as encrypting it.
    const scratch = new Uint8Array(this.#chunkLength);
    try {
      for (let index = 0, last = false; !last; index++) {
        const chunk = await plain.fill(scratch);
        last = await plain.atEnd();
        yield await this.#cipher.seal(index, last, chunk);
      }
    } finally {
      scratch.fill(0);
    }
  }

  async *#sealPieces(
    plain: BufferedByteReader,
    length: number,
    begin: NonNullable<ChunkCipher['beginEncrypt']>,
  ): AsyncGenerator<Bytes, void, undefined> {
    for (let index = 0, left = length; left > 0; index++) {
      const last = left <= this.#chunkLength;
      const sealing = begin(index, last);
      const chunkEnd = left - Math.min(left, this.#chunkLength);
      while (left > chunkEnd) {
        await plain.atEnd();
        const piece = plain.takeBuffered(left - chunkEnd);
        left -= piece.length;
        yield sealing.update(piece);
      }
      // More content than was said is found before the tag that would make it whole.
      if (last) await plain.atEnd();
      yield sealing.end();
    }
  }
}

export interface OpenedBlob {
  readonly description: BlobDescription;
  /** The content, each piece authentic before it is given. Ends with a DecryptionError when the blob is not whole. */
  readonly content: AsyncGenerator<Bytes, void, undefined>;
}

/**
 * Opens a blob as it arrives. Resolves once the first chunk has proven authentic.
 * @param length bytes of the blob where that is known, which spares copies; it must then be so long
 * @throws DecryptionError for a wrong key, another blob's object, and whatever is not as it was sealed
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
    if (first.done === true || first.value.length < descriptionBlockLength) throw new DecryptionError();
    const description = parseBlobDescription(first.value.subarray(0, descriptionBlockLength));
    return {
      description,
      content: yieldContent(first.value.subarray(descriptionBlockLength), chunks, description.size, pieces),
    };
  } catch (error) {
    await pieces.close();
    throw error;
  }
}

/** The plaintext: the first chunk whole, the others whole or in pieces; nothing of a chunk before its tag has verified. */
async function* openChunks(
  cipher: ChunkCipher,
  pieces: BufferedByteReader,
  sealedLength: number,
  body: { readonly length: number; readonly chunks: number } | undefined,
): AsyncGenerator<Bytes, void> {
  const scratch = new Uint8Array(sealedLength);
  for (let index = 0, last = false; !last; index++) {
    if (index > 0 && body !== undefined && cipher.beginOpen !== undefined) {
      last = index === body.chunks - 1;
      const left = body.length - blobHeaderLength - index * sealedLength;
      yield* await openPieces(cipher.beginOpen(index, last), pieces, Math.min(left, sealedLength) - chunkTagLength);
      if (last && !(await pieces.atEnd())) throw new DecryptionError();
    } else {
      const sealed = await pieces.fill(scratch);
      last = await pieces.atEnd();
      const chunk = await cipher.open(index, last, sealed);
      // An empty chunk would let two lengths of ciphertext stand for one content.
      if (chunk.length === 0) throw new DecryptionError();
      yield chunk;
    }
  }
}

/** The pieces of one chunk, once it has proven authentic. */
async function openPieces(opening: ChunkOpening, pieces: BufferedByteReader, length: number): Promise<Bytes[]> {
  const opened: Bytes[] = [];
  try {
    for (let left = length; left > 0; ) {
      if (await pieces.atEnd()) throw new DecryptionError();
      const piece = pieces.takeBuffered(left);
      opened.push(opening.update(piece));
      left -= piece.length;
    }
    opening.end(await pieces.fill(new Uint8Array(chunkTagLength)));
    return opened;
  } catch (error) {
    for (const piece of opened) piece.fill(0);
    throw error;
  }
}

async function* yieldContent(
  first: Bytes,
  chunks: AsyncGenerator<Bytes, void>,
  size: number | undefined,
  pieces: BufferedByteReader,
): AsyncGenerator<Bytes, void, undefined> {
  let length = 0;
  try {
    for (let chunk: Bytes | undefined = first; chunk !== undefined; ) {
      length += chunk.length;
      if (chunk.length > 0) yield chunk;
      const next: IteratorResult<Bytes, void> = await chunks.next();
      chunk = next.done === true ? undefined : next.value;
    }
    if (size !== undefined && size !== length) throw new DecryptionError();
  } finally {
    await pieces.close();
  }
}

/** The blob as one array of bytes. */
export async function collectBytes(pieces: ByteSource): Promise<Bytes> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return concatBytes(...all);
}
