/**
 * Derives the keys of a blob from the 32 bytes in the fragment of its URL (docs/format.md, sections 9 and 10), in Node and
 * in browsers.
 */

import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, encodeFieldBytes } from '../encoding/bytes.ts';
import { portableHkdfSha256 } from '../hazmat/portable-hash.ts';
import {
  type BlobHeader,
  type BlobId,
  type ChunkLog2,
  encodeBlobHeader,
  encodeBlobPreamble,
  newBlobSalt,
  parseBlobHeader,
} from './blob-format.ts';

export { portableSha256 as sha256 } from '../hazmat/portable-hash.ts';

export const fragmentKeyLength = 32;

/** A new fragment key. */
export const newFragmentKey = (): Bytes => crypto.getRandomValues(new Uint8Array(fragmentKeyLength));

export const hkdfOfFragmentKey = async (
  key: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  length: number,
): Promise<Bytes> => {
  if (key.length !== fragmentKeyLength) throw new RangeError('a fragment key must have 32 bytes');
  return await portableHkdfSha256(key, salt, info, length);
};

/** Keys of a blob: `key` encrypts its chunks, `commitment` is stored in its header. */
interface ChunkKeyAndCommitment {
  readonly key: Bytes;
  readonly commitment: Bytes;
}

async function deriveChunkKeyAndCommitment(
  fragmentKey: Uint8Array,
  { org, id }: BlobId,
  chunkLog2: ChunkLog2,
  salt: Uint8Array,
): Promise<ChunkKeyAndCommitment> {
  const info = encodeFieldBytes('anima:blob:v1', encodeBlobPreamble(chunkLog2), org, id);
  const bytes = await hkdfOfFragmentKey(fragmentKey, salt, info, 64);
  const keys = { key: bytes.slice(0, 32), commitment: bytes.slice(32) };
  bytes.fill(0);
  return keys;
}

/** Creates a header with a new salt, and derives the chunk key, which the caller zeroes. */
export async function createBlobHeader(
  fragmentKey: Uint8Array,
  blob: BlobId,
  chunkLog2: ChunkLog2,
): Promise<{ header: Bytes; key: Bytes }> {
  const salt = newBlobSalt();
  const { key, commitment } = await deriveChunkKeyAndCommitment(fragmentKey, blob, chunkLog2, salt);
  return { header: encodeBlobHeader({ chunkLog2, salt, commitment }), key };
}

/**
 * Derives the chunk key of a blob with this header. The caller zeroes the key.
 * @throws DecryptionError when the header is malformed, or does not belong to this key and this blob
 */
export async function deriveChunkKey(
  fragmentKey: Uint8Array,
  blob: BlobId,
  header: Uint8Array,
): Promise<{ parsed: BlobHeader; key: Bytes }> {
  const parsed = parseBlobHeader(header);
  const { key, commitment } = await deriveChunkKeyAndCommitment(fragmentKey, blob, parsed.chunkLog2, parsed.salt);
  // Both values become public together with the blob. The constant-time comparison is only a precaution.
  let difference = 0;
  for (let at = 0; at < commitment.length; at++) difference |= (commitment[at] ?? 0) ^ (parsed.commitment[at] ?? 0);
  if (difference !== 0) {
    key.fill(0);
    throw new DecryptionError();
  }
  return { parsed, key };
}
