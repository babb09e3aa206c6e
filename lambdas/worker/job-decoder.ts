/** Decodes the plaintext of jobs (docs/format.md, section 13). */
import { DecryptionError } from '../../core/decryption-error.ts';
import { requireObjectFields } from '../../core/encoding/stored-record-fields.ts';
import { decodeMessageJob, type MessageJobPayload } from '../conversations/message-job.ts';
import { decodeEraseJob, type PurgeUserJobPayload } from '../users/purge-user-job.ts';

/** The kinds are defined in core/jobs/job-envelope.ts. */
export type JobPayload = MessageJobPayload | PurgeUserJobPayload;

/** @param plaintext JSON in UTF-8 @throws DecryptionError if it is not a valid job */
export function decodeJobPayload(plaintext: Buffer): JobPayload {
  const job = requireObjectFields(jsonOf(plaintext));
  if (job.kind === 'erase') return decodeEraseJob(job);
  if (job.kind === 'message') return decodeMessageJob(job);
  throw new DecryptionError();
}

function jsonOf(plaintext: Buffer): unknown {
  try {
    return JSON.parse(plaintext.toString('utf8'));
  } catch {
    // The error of the parser quotes the plaintext.
    throw new DecryptionError();
  }
}
