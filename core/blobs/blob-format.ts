/**
 * The layout of blobs (docs/format.md, section 9): header, sizes, and the encrypted description. This file handles no
 * keys.
 *
 *     "AVB1" ‖ suite ‖ log2 of chunk size ‖ 0 0 ‖ salt 24 ‖ commitment 32 ‖ chunk 0 ‖ chunk 1 ‖ …
 */

import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, concatBytes, encodeFieldBytes, u32Bytes, u64Bytes, utf8Bytes } from '../encoding/bytes.ts';
import { decodeTextField, decodeU64Field } from '../encoding/field-reader.ts';
import { chunkTagLength } from '../hazmat/chunk-cipher.ts';
import { maxIndexBytes } from './file-set.ts';

export const blobHeaderLength = 64;
/** The part of the header that the keys are bound to. The salt and the commitment follow it. */
export const blobPreambleLength = 8;
const saltLength = 24;
export const blobSuite = 1;
const magic = utf8Bytes('AVB1');
/** Bytes at the beginning of the plaintext that hold the description. The content follows immediately. */
export const descriptionBlockLength = 1024;
/** Maximum bytes for media type and name together: the block without four length prefixes and the 8-byte size. */
const maxTypeAndNameBytes = descriptionBlockLength - 4 - 3 * 4 - 8;
/** Maximum bytes of the fields: the block without their length. */
const maxDescriptionBytes = descriptionBlockLength - 4;

/** The supported chunk sizes, as powers of two. */
export const chunkLog2s = [16, 20] as const;
export type ChunkLog2 = (typeof chunkLog2s)[number];

/** Identifies a blob: its name in storage, to which its keys are bound. */
export interface BlobId {
  /** Id of the organization. */
  readonly org: string;
  /** Id of the blob within the organization. */
  readonly id: string;
}

/** The encrypted metadata of the content. */
export interface BlobDescription {
  /** Media type as stated by the uploader. Nothing proves that the content has this type. */
  readonly type: string;
  /** File name as stated by the uploader; can be empty. */
  readonly name: string;
  /** Bytes of content; undefined when the uploader did not know the size at first. */
  readonly size: number | undefined;
  /** Bytes of the index at the beginning of the content, if it is a set of files (file-set.ts). */
  readonly indexLength?: number | undefined;
}

export interface BlobHeader {
  readonly chunkLog2: ChunkLog2;
  readonly salt: Bytes;
  readonly commitment: Bytes;
}

/** The first 8 bytes of the header. */
export const encodeBlobPreamble = (chunkLog2: ChunkLog2): Bytes =>
  concatBytes(magic, Uint8Array.of(blobSuite, chunkLog2, 0, 0));

export const encodeBlobHeader = ({ chunkLog2, salt, commitment }: BlobHeader): Bytes =>
  concatBytes(encodeBlobPreamble(chunkLog2), salt, commitment);

/**
 * Parses a header. The commitment is checked in blob-key-derivation.ts.
 * @throws DecryptionError for any other form
 */
export function parseBlobHeader(bytes: Uint8Array): BlobHeader {
  const chunkLog2 = chunkLog2s.find((size) => size === bytes[5]);
  if (bytes.length !== blobHeaderLength || chunkLog2 === undefined) throw new DecryptionError();
  if (!encodeBlobPreamble(chunkLog2).every((byte, at) => byte === bytes[at])) throw new DecryptionError();
  const saltEnd = blobPreambleLength + saltLength;
  return { chunkLog2, salt: bytes.slice(blobPreambleLength, saltEnd), commitment: bytes.slice(saltEnd) };
}

/** A new random salt. */
export const newBlobSalt = (): Bytes => crypto.getRandomValues(new Uint8Array(saltLength));

/**
 * The chunk size for content of this many bytes. Small content gets small chunks, so that a reader does not wait for a
 * whole megabyte.
 */
export const chooseChunkLog2 = (contentLength: number | undefined): ChunkLog2 =>
  contentLength !== undefined && contentLength <= 2 ** 20 ? 16 : 20;

/** Length of a full stored chunk in bytes: ciphertext and tag. */
export const sealedChunkLength = (chunkLog2: number): number => 2 ** chunkLog2 + chunkTagLength;

/** Length of a whole sealed blob with this many bytes of content. */
export function sealedLength(contentLength: number, chunkLog2: ChunkLog2): number {
  const plain = descriptionBlockLength + contentLength;
  return blobHeaderLength + plain + Math.ceil(plain / 2 ** chunkLog2) * chunkTagLength;
}

/**
 * The number of chunks and the content length of a sealed blob of this length.
 * @throws DecryptionError for a length that no blob can have
 */
export function computeBlobLayout(length: number, chunkLog2: ChunkLog2): { chunks: number; contentLength: number } {
  const body = length - blobHeaderLength;
  const chunks = Math.ceil(body / sealedChunkLength(chunkLog2));
  const plain = body - chunks * chunkTagLength;
  // The last chunk holds at least one byte, and the description must be complete.
  if (plain < descriptionBlockLength || Math.ceil(plain / 2 ** chunkLog2) !== chunks) throw new DecryptionError();
  return { chunks, contentLength: plain - descriptionBlockLength };
}

/** Whether the text is unchanged after a round trip through UTF-8. */
const isWellFormedText = (text: string): boolean => text.isWellFormed();

/**
 * The first 1024 bytes of the plaintext: length-prefixed fields, padded with zeros.
 * @throws RangeError when type and name together are too long, or contain a lone surrogate
 */
export function encodeBlobDescription({ type, name, size, indexLength }: BlobDescription): Bytes {
  if (!isWellFormedText(type) || !isWellFormedText(name))
    throw new RangeError('media type or name contains a lone surrogate, which UTF-8 cannot encode');
  if (indexLength !== undefined && (size === undefined || indexLength > size))
    throw new RangeError('a set of files has a size, which includes its index');
  const described = encodeFieldBytes(
    type,
    name,
    size === undefined ? new Uint8Array(0) : u64Bytes(size),
    ...(indexLength === undefined ? [] : [u64Bytes(indexLength)]),
  );
  // The fields of a set leave less space, but its writers state no media type.
  if (utf8Bytes(type).length + utf8Bytes(name).length > maxTypeAndNameBytes || described.length > maxDescriptionBytes) {
    throw new RangeError(`media type and name are longer than ${maxTypeAndNameBytes} bytes together`);
  }
  const block = new Uint8Array(descriptionBlockLength);
  block.set(concatBytes(u32Bytes(described.length), described));
  return block;
}

/** The inverse of {@link encodeBlobDescription}. @throws DecryptionError for any other form */
export function parseBlobDescription(block: Uint8Array): BlobDescription {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  let at = 4;
  const field = (): Uint8Array => {
    const start = at + 4;
    const end = start <= block.length ? start + view.getUint32(at) : Number.POSITIVE_INFINITY;
    if (end > block.length) throw new DecryptionError();
    at = end;
    return block.subarray(start, end);
  };
  if (block.length !== descriptionBlockLength) throw new DecryptionError();
  const [type, name, size] = [decodeTextField(field()), decodeTextField(field()), parseContentSize(field())];
  const indexLength = at < 4 + view.getUint32(0) ? parseIndexLength(field(), size) : undefined;
  if (at !== 4 + view.getUint32(0) || block.subarray(at).some((byte) => byte !== 0)) throw new DecryptionError();
  if (type === undefined || name === undefined) throw new DecryptionError();
  return { type, name, size, ...(indexLength !== undefined && { indexLength }) };
}

function parseIndexLength(bytes: Uint8Array, size = 0): number {
  const length = decodeU64Field(bytes);
  if (length === undefined || length > size || length > maxIndexBytes) throw new DecryptionError();
  return length;
}

function parseContentSize(bytes: Uint8Array): number | undefined {
  if (bytes.length === 0) return undefined;
  const size = decodeU64Field(bytes);
  if (size === undefined) throw new DecryptionError();
  return size;
}
