/**
 * Sizes of upload parts (docs/blobs.md). A part consists of whole chunks, so each part is encrypted, hashed and sent
 * independently.
 */
import { createHash } from 'node:crypto';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { blobHeaderLength, sealedChunkLength } from '../../core/blobs/blob-format.ts';
import type { AnnouncedPart, StoredPart } from './blob-ports.ts';

/** Size of every part except the first, which is preceded by the header, and the last, which has the rest. */
const fullPartBytes = limits.blobPartChunks * sealedChunkLength(20);

const fullPartSize = (number: number): number => (number === 1 ? blobHeaderLength + fullPartBytes : fullPartBytes);

/** Bytes of all parts before the given one. */
const partOffset = (number: number): number => (number === 1 ? 0 : blobHeaderLength + (number - 1) * fullPartBytes);

/**
 * Checks announced parts. The number of a part determines its offset and its maximum size, so the parts together can
 * never exceed the announced or permitted size, regardless of what else is uploaded.
 * @param size as announced; if undefined, any part may be the last
 * @param maxBytes maximum size of a blob in bytes
 * @throws VaultError `invalid_request`, `blob_too_large`
 */
export function assertPartSizes(parts: readonly AnnouncedPart[], size: number | undefined, maxBytes: number): void {
  for (const [at, { number, size: claimed }] of parts.entries()) {
    const invalidPart = (field: string, message: string) =>
      new VaultError('invalid_request', { errors: [{ path: `parts.${at}.${field}`, message }] });
    if (parts.findIndex((claim) => claim.number === number) < at) throw invalidPart('number', 'is a duplicate');
    const full = fullPartSize(number);
    if (size === undefined) {
      if (claimed > full)
        throw invalidPart('size', `is greater than ${full}, the size of a full part with this number`);
      if (partOffset(number) + claimed > maxBytes) throw blobTooLarge(maxBytes);
      continue;
    }
    const remaining = size - partOffset(number);
    if (remaining <= 0) throw invalidPart('number', 'is beyond the announced size');
    if (claimed !== Math.min(full, remaining))
      throw invalidPart('size', `must be ${Math.min(full, remaining)} for this part`);
  }
}

/** @param maxBytes maximum size of a blob in bytes */
export const blobTooLarge = (maxBytes: number) =>
  new VaultError('blob_too_large', { detail: `At most ${maxBytes} bytes of ciphertext are accepted.` });

/** The object that the uploaded parts form. */
export interface AssembledParts {
  readonly size: number;
  /**
   * S3's composite checksum: base64 of the SHA-256 over the concatenated SHA-256 hashes of the parts, `-`, and the
   * number of parts.
   */
  readonly checksum: string;
}

/**
 * Computes size and checksum of the assembled parts; undefined if a part is missing or a part other than the last is
 * not full.
 */
export function assembleParts(parts: readonly StoredPart[]): AssembledParts | undefined {
  const hash = createHash('sha256');
  let size = 0;
  for (const [index, part] of parts.entries()) {
    const full = fullPartSize(index + 1);
    const isLast = index === parts.length - 1;
    if (part.number !== index + 1 || part.size > full || (!isLast && part.size !== full)) return undefined;
    hash.update(Buffer.from(part.checksum, 'base64'));
    size += part.size;
  }
  return parts.length === 0 ? undefined : { size, checksum: `${hash.digest('base64')}-${parts.length}` };
}
