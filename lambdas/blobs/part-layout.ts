/** Sizes of the parts of an upload (docs/blobs.md): whole chunks, so that a part is encrypted, hashed and sent by itself. */
import { createHash } from 'node:crypto';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { blobHeaderLength, sealedChunkLength } from '../../core/blobs/blob-format.ts';
import type { AnnouncedPart, StoredPart } from './blob-ports.ts';

/** Of each part but the first, which has the header before its chunks, and the last, which has what is left. */
const fullPartBytes = limits.blobPartChunks * sealedChunkLength(20);

const fullPartSize = (number: number): number => (number === 1 ? blobHeaderLength + fullPartBytes : fullPartBytes);

/** Bytes of all full parts before one. */
const partOffset = (number: number): number => (number === 1 ? 0 : blobHeaderLength + (number - 1) * fullPartBytes);

/**
 * Lets only claims pass which, whatever else is uploaded, can't add up to more than was announced or is allowed: each part has its
 * place by its number, and no room beyond that.
 * @param size as announced; without, each part may be the last
 * @param maxBytes bytes that a blob may have
 * @throws VaultError `invalid_request`, `blob_too_large`
 */
export function assertPartSizes(parts: readonly AnnouncedPart[], size: number | undefined, maxBytes: number): void {
  for (const [at, { number, size: claimed }] of parts.entries()) {
    const invalidPart = (field: string, message: string) =>
      new VaultError('invalid_request', { errors: [{ path: `parts.${at}.${field}`, message }] });
    if (parts.findIndex((claim) => claim.number === number) < at) throw invalidPart('number', 'stands twice');
    const full = fullPartSize(number);
    if (size === undefined) {
      if (claimed > full) throw invalidPart('size', `is over ${full}, the size of a full part of this number`);
      if (partOffset(number) + claimed > maxBytes) throw blobTooLarge(maxBytes);
      continue;
    }
    const remaining = size - partOffset(number);
    if (remaining <= 0) throw invalidPart('number', 'is beyond the size that was announced');
    if (claimed !== Math.min(full, remaining))
      throw invalidPart('size', `is not ${Math.min(full, remaining)}, as it must be here`);
  }
}

/** @param maxBytes bytes that a blob may have */
export const blobTooLarge = (maxBytes: number) =>
  new VaultError('blob_too_large', { detail: `At most ${maxBytes} bytes of ciphertext are taken.` });

/** What the parts that have arrived are together. */
export interface AssembledParts {
  readonly size: number;
  /** SHA-256 of their SHA-256 one after the other, base64, `-`, and their number, as S3 makes it. */
  readonly checksum: string;
}

/** Joins parts by their facts; undefined when one is missing or not full, save the last. */
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
