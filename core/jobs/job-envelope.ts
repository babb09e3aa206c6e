/**
 * Sealed jobs (docs/format.md, section 13), which are sent through the queue. Each job has a separate key. KMS wraps
 * that key with the org, the job id and the job kind as encryption context.
 */
import { randomBytes } from 'node:crypto';
import { DecryptionError } from '../decryption-error.ts';
import { encodeLengthPrefixedFields } from '../encoding/length-prefixed-fields.ts';
import { decodeStrictBase64 } from '../encoding/strict-base64.ts';
import { gcmNonceLength, gcmOpen, gcmSeal, gcmTagLength, importKeyAndZero } from '../hazmat/node-primitives.ts';

export const jobKinds = ['message', 'erase'] as const;
export type JobKind = (typeof jobKinds)[number];

/** The unencrypted part of a job. Its key and its content are bound to all of these fields. */
export interface JobHeader {
  readonly org: string;
  /** A time-ordered id. For a message, it is also the id under which the message is stored. */
  readonly id: string;
  /** The kind of work. IAM policies use it to restrict which functions can process a job. */
  readonly kind: JobKind;
}

export interface SealedJob extends JobHeader {
  /** The job's key as wrapped by KMS, base64. */
  readonly key: string;
  /** Base64 of nonce, ciphertext and tag. */
  readonly data: string;
}

const encodeJobAad = ({ org, id, kind }: JobHeader): Buffer =>
  encodeLengthPrefixedFields('anima:job:v1', org, id, kind);

/**
 * Seals a job. Returns its JSON text.
 * @param secret 32 bytes, used for this job only; zeroed here
 * @param wrapped the same key as wrapped by KMS
 */
export function sealJob(header: JobHeader, secret: Buffer, wrapped: Uint8Array, plaintext: Uint8Array): string {
  const key = importKeyAndZero(secret);
  const bytes = Buffer.alloc(gcmNonceLength + plaintext.length + gcmTagLength);
  const nonce = randomBytes(gcmNonceLength);
  nonce.copy(bytes);
  gcmSeal(key, nonce, encodeJobAad(header), plaintext, bytes, gcmNonceLength);
  const job: SealedJob = {
    org: header.org,
    id: header.id,
    kind: header.kind,
    key: Buffer.from(wrapped).toString('base64'),
    data: bytes.toString('base64'),
  };
  return JSON.stringify(job);
}

/**
 * Parses a sealed job.
 * @throws DecryptionError for any other form
 */
export function parseEncryptedJob(text: string): SealedJob {
  try {
    const { org, id, kind, key, data, ...rest } = JSON.parse(text);
    const texts = [org, id, key, data].every((field) => typeof field === 'string');
    if (!texts || !jobKinds.includes(kind) || Object.keys(rest).length > 0) throw new DecryptionError();
    return { org, id, kind, key, data };
  } catch {
    throw new DecryptionError();
  }
}

/**
 * Opens a job.
 * @param secret the job's key, unwrapped; zeroed here
 * @throws DecryptionError for every cause
 */
export function openJob(job: SealedJob, secret: Buffer): Buffer {
  const key = importKeyAndZero(secret);
  const bytes = decodeStrictBase64(job.data);
  if (bytes === undefined || bytes.length < gcmNonceLength) throw new DecryptionError();
  return gcmOpen(key, bytes.subarray(0, gcmNonceLength), encodeJobAad(job), bytes.subarray(gcmNonceLength));
}
