/** Ports of jobs: the keys that encrypt them, and the queue. */
import type { JobHeader } from '../../core/jobs/job-envelope.ts';

/** Job keys, wrapped by the transit key (docs/format.md, section 13). */
export interface TransitKeys {
  /**
   * Generates a key for one job. Returns its 32 bytes, which the caller zeroes, and its wrapped form.
   * @throws VaultError `key_unavailable`, `unavailable`
   */
  generateKey(name: JobHeader): Promise<{ secret: Buffer; wrapped: Uint8Array }>;
  /** Returns the 32 bytes of the key. @throws DecryptionError if it was not wrapped for this org, job and kind */
  unwrapKey(name: JobHeader, wrapped: Uint8Array): Promise<Buffer>;
}

export interface JobQueue {
  /**
   * @param group jobs of the same group are handled one after the other, in order; at most 128 of `A-Z a-z 0-9` and
   *   punctuation
   * @param name jobs with the same name within five minutes count as one
   */
  send(body: string, group: string, name: string): Promise<void>;
}
