/** Sends jobs to the queue. They are encrypted, so the queue contains only ciphertext (docs/format.md, section 13). */
import { type JobKind, sealJob } from '../../core/jobs/job-envelope.ts';
import type { JobQueue, TransitKeys } from './job-ports.ts';

export class JobProducer {
  readonly #transitKeys: TransitKeys;
  readonly #queue: JobQueue;

  constructor(transitKeys: TransitKeys, queue: JobQueue) {
    this.#transitKeys = transitKeys;
    this.#queue = queue;
  }

  /**
   * @param id sorts by time. A job that is sent again with the same ID within five minutes is handled once
   * @param job plain JSON. Its kind decides whether this function may send it
   * @param group jobs of the same group are handled one after the other
   * @throws VaultError `key_unavailable`, `unavailable`
   */
  async send<Job extends { readonly kind: JobKind }>(org: string, id: string, job: Job, group: string): Promise<void> {
    const name = { org, id, kind: job.kind };
    const { secret, wrapped } = await this.#transitKeys.generateKey(name);
    const plaintext = Buffer.from(JSON.stringify(job), 'utf8');
    const body = sealJob(name, secret, wrapped, plaintext);
    plaintext.fill(0);
    await this.#queue.send(body, group, id);
  }
}
