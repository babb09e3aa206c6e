/** From what lies in the queue to what it is about: the only place where jobs are unwrapped. */
import { randomBytes } from 'node:crypto';
import { DecryptionError } from '../../core/decryption-error.ts';
import { isOpaqueId } from '../../core/encoding/random-id.ts';
import { decodeStrictBase64 } from '../../core/encoding/strict-base64.ts';
import { createTimeId, isTimeId } from '../../core/encoding/time-ordered-id.ts';
import { openJob, parseEncryptedJob, type SealedJob } from '../../core/jobs/job-envelope.ts';
import { type Conversations, commandIn, type Ended } from '../conversations/message-processor.ts';
import type { JobQueue, TransitKeys } from '../jobs/job-ports.ts';
import type { AuditLog } from '../shared/audit-trail.ts';
import { undefinedIfUndecryptable } from '../shared/batch-item-result.ts';
import type { Clock } from '../shared/ports.ts';
import type { Erasing } from '../users/deleted-user-purger.ts';
import { decodeJob, type Job } from './job-decoder.ts';

/** A job as the queue gives it. */
export interface Delivered {
  readonly body: string;
  /** The queue's name of it. */
  readonly messageId: string;
  /** Milliseconds that are left for it. */
  remaining(): number;
}

/** What a job came to, for the log: no content. */
export interface Worked {
  readonly org?: string;
  readonly job?: string;
  readonly user?: string;
  readonly reason?: Exclude<Ended, undefined> | 'damaged';
  /**
   * Of one that fails: how long it is held on to. `queue` for what is not opened yet, so that it may be a deletion: as long as the queue
   * has it. `done` for deletions. Without, for a few tries.
   */
  readonly hold?: 'queue' | 'done';
}

export interface WorkingParts {
  readonly transit: Pick<TransitKeys, 'unwrap'>;
  readonly conversations: Pick<Conversations, 'handle'>;
  readonly erasing: Pick<Erasing, 'erase'>;
  readonly audit: AuditLog;
  readonly queue: JobQueue;
  readonly clock: Clock;
}

/** What is kept of the function's time when erasing begins no other batch, and for an audit record, milliseconds. */
const lastBatch = 10_000;
const lastWords = 500;

export class Working {
  readonly #parts: WorkingParts;

  constructor(parts: WorkingParts) {
    this.#parts = parts;
  }

  /**
   * Does a job. What is none, or was sealed for another org or id, is done at once: it will never be one.
   * @param known told what the job says of itself, as soon as it is known, for the log of one that fails
   * @throws when it is to be done again
   */
  async work(delivered: Delivered, known: (facts: Worked) => void = () => {}): Promise<Worked> {
    const sealed = sealedOf(delivered.body);
    if (sealed === undefined) return { reason: 'damaged' };
    const { org, id } = sealed;
    known({ org, job: id, hold: sealed.kind === 'erase' ? 'done' : 'queue' });
    const job = await this.#open(sealed);
    if (job === undefined) return { org, job: id, reason: 'damaged' };
    if (job.kind === 'erase') {
      const done = await this.#parts.erasing.erase(
        { org, user: job.user },
        job.locators,
        () => delivered.remaining() < lastBatch,
      );
      return { org, job: id, user: job.user, ...(done ? {} : { reason: 'damaged' as const }) };
    }
    // Until it has done what it destroys, or refused to: the answer to it is one like any other.
    known({ org, job: id, ...(commandIn(job)?.kind === 'delete' ? { hold: 'done' } : {}) });
    let principal: string | undefined;
    const reason = await this.#parts.conversations.handle({
      org,
      id,
      job,
      acted: () => known({ org, job: id }),
      record: async (user, verb, result) => {
        principal = user;
        known({ org, job: id, user });
        const from = { route: 'worker', requestId: delivered.messageId, sourceIp: 'queue' } as const;
        const facts = { org, principal: `user:${user}`, verb, name: id, result, ...from };
        await this.#parts.audit.write(facts, delivered.remaining() - lastWords);
      },
    });
    return {
      org,
      job: id,
      ...(principal === undefined ? {} : { user: principal }),
      ...(reason === undefined ? {} : { reason }),
    };
  }

  /** Sends a job to the queue again as it lies there, still sealed, so that it does not end with its time in the queue. @throws VaultError `unavailable` */
  async prolong(body: string, group: string): Promise<void> {
    const { queue, clock } = this.#parts;
    await queue.send(body, group, createTimeId(clock().getTime(), randomBytes(16)));
  }

  /** Undefined for what does not open, whyever. */
  async #open(sealed: SealedJob): Promise<Job | undefined> {
    try {
      const wrapped = decodeStrictBase64(sealed.key);
      if (wrapped === undefined || wrapped.length === 0) throw new DecryptionError();
      const plaintext = openJob(sealed, await this.#parts.transit.unwrap(sealed, wrapped));
      try {
        const job = decodeJob(plaintext);
        // Who may send jobs of one kind, by the policies, must not be able to say another inside.
        if (job.kind !== sealed.kind) throw new DecryptionError();
        return job;
      } finally {
        plaintext.fill(0);
      }
    } catch (error) {
      if (error instanceof DecryptionError) return undefined;
      throw error;
    }
  }
}

function sealedOf(body: string): SealedJob | undefined {
  const sealed = undefinedIfUndecryptable(() => parseEncryptedJob(body));
  return sealed !== undefined && isOpaqueId(sealed.org) && isTimeId(sealed.id) ? sealed : undefined;
}
