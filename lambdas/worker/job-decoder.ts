/** Decodes the plaintext of jobs (docs/format.md, section 13). */
import { DecryptionError } from '../../core/decryption-error.ts';
import { requireObjectFields } from '../../core/encoding/stored-record-fields.ts';
import { decodeMessageJob, type MessageJobPayload } from '../conversations/message-job.ts';
import { decodeEraseJob, type PurgeUserJobPayload } from '../users/purge-user-job.ts';

/** By kinds as core/jobs/job-envelope.ts has them. */
export type JobPayload = MessageJobPayload | PurgeUserJobPayload;

/** @param plaintext its JSON, in UTF-8 @throws DecryptionError for what is no job */
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
    // The parser's own message quotes the message.
    throw new DecryptionError();
  }
}
