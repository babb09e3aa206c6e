/** Ports of jobs: the key that seals them, and the queue. */
import type { JobHeader } from '../../core/jobs/job-envelope.ts';

/** The transit key: keys of jobs (docs/format.md, section 13). */
export interface TransitKeys {
  /** A new key for one job: 32 bytes, which the caller zeroes, and the same wrapped. */
  generateKey(name: JobHeader): Promise<{ secret: Buffer; wrapped: Uint8Array }>;
  /** DecryptionError when it was not wrapped for this org, job and kind. */
  unwrapKey(name: JobHeader, wrapped: Uint8Array): Promise<Buffer>;
}

export interface JobQueue {
  /**
   * @param group jobs of a group are handled one after the other, in order; no more than 128 of `A-Z a-z 0-9` and punctuation
   * @param name jobs of one name that come within five minutes are one
   */
  send(body: string, group: string, name: string): Promise<void>;
}
