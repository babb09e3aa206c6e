/** Bodies that are too long for a message, sealed once for all recipients (docs/format-sessions.md, section 6). */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, concatBytes, encodeFieldBytes, equalBytes } from '../encoding/bytes.ts';
import { paddedLength } from '../encoding/padding.ts';
import { blake2b256 } from '../hazmat/blake2b.ts';
import { type RandomSource, randomBytes } from '../hazmat/portable-aes-gcm.ts';
import {
  openXChaCha,
  sealXChaCha,
  xchachaKeyLength,
  xchachaNonceLength,
  xchachaTagLength,
} from '../hazmat/xchacha20-poly1305.ts';
import { maxAttachmentBytes, maxInlineBody } from './limits.ts';
import { type AttachmentReference, padContent, unpadContent } from './message-content.ts';

const attachmentAad = (org: string, messageId: Uint8Array): Bytes =>
  encodeFieldBytes('anima:attachment:v1', org, messageId);

/**
 * Seals a body under a new key.
 * @returns the bytes to store, and the reference without the name of the blob
 * @throws RangeError for a body that a message contains itself, or that is too long
 */
export function sealAttachment(
  org: string,
  messageId: Uint8Array,
  body: Uint8Array,
  random: RandomSource = randomBytes,
): SealedAttachment {
  if (body.length <= maxInlineBody) throw new RangeError('not an attachment');
  return sealFile(org, messageId, body, random);
}

/** Bytes to store, and the reference without the name of the blob. */
export interface SealedAttachment {
  readonly bytes: Bytes;
  readonly reference: Omit<AttachmentReference, 'blob'>;
}

/** Seals a file of a message, which can be short, under a new key. @throws RangeError for one that is too long */
export function sealFile(
  org: string,
  messageId: Uint8Array,
  body: Uint8Array,
  random: RandomSource = randomBytes,
): SealedAttachment {
  if (body.length > maxAttachmentBytes) throw new RangeError('not an attachment');
  const key = new Uint8Array(random(xchachaKeyLength));
  const nonce = random(xchachaNonceLength);
  const padded = padContent(body);
  const bytes = concatBytes(nonce, sealXChaCha(key, nonce, attachmentAad(org, messageId), padded));
  padded.fill(0);
  const reference = { key, ciphertextHash: blake2b256(bytes), bodyHash: blake2b256(body), length: body.length };
  return { bytes, reference };
}

/** Bytes of the blob of a body of `length` bytes. */
export const attachmentBlobLength = (length: number): number =>
  xchachaNonceLength + paddedLength(5 + length) + xchachaTagLength;

/** @throws DecryptionError for every cause */
export function openAttachment(
  org: string,
  messageId: Uint8Array,
  reference: AttachmentReference,
  bytes: Uint8Array,
): Bytes {
  const isStored = bytes.length === attachmentBlobLength(reference.length);
  if (!isStored || !equalBytes(blake2b256(bytes), reference.ciphertextHash)) throw new DecryptionError();
  const [nonce, ciphertext] = [bytes.subarray(0, xchachaNonceLength), bytes.subarray(xchachaNonceLength)];
  const body = unpadContent(openXChaCha(reference.key, nonce, attachmentAad(org, messageId), ciphertext));
  if (body?.length !== reference.length || !equalBytes(blake2b256(body), reference.bodyHash))
    throw new DecryptionError();
  return new Uint8Array(body);
}
