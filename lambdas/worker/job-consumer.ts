/** From what lies in the queue to what it is about: the only place where jobs are unwrapped. */
import { randomBytes } from 'node:crypto';
import { DecryptionError } from '../../core/decryption-error.ts';
import { isOpaqueId } from '../../core/encoding/random-id.ts';
import { decodeStrictBase64 } from '../../core/encoding/strict-base64.ts';
import { createTimeId, isTimeId } from '../../core/encoding/time-ordered-id.ts';
import { openJob, parseEncryptedJob, type SealedJob } from '../../core/jobs/job-envelope.ts';
import { type DropReason, type MessageProcessor, parseCommandOfJob } from '../conversations/message-processor.ts';
import type { JobQueue, TransitKeys } from '../jobs/job-ports.ts';
import type { AuditLog } from '../shared/audit-log.ts';
import { undefinedIfUndecryptable } from '../shared/error-classification.ts';
import type { Clock } from '../shared/ports.ts';
import type { DeletedUserPurger } from '../users/deleted-user-purger.ts';
import { decodeJobPayload, type JobPayload } from './job-decoder.ts';

/** A job as the queue gives it. */
export interface QueueMessage {
  readonly body: string;
  /** The queue's name of it. */
  readonly messageId: string;
  /** Milliseconds that are left for it. */
  remainingMs(): number;
}

/** What a job came to, for the log: no content. */
export interface JobResult {
  readonly org?: string;
  readonly job?: string;
  readonly user?: string;
  readonly reason?: Exclude<DropReason, undefined> | 'damaged';
  /**
   * Of one that fails: how long it is held on to. `queue` for what is not opened yet, so that it may be a deletion: as long as the queue
   * has it. `done` for deletions. Without, for a few tries.
   */
  readonly retryUntil?: 'queue' | 'done';
}

export interface JobConsumerDeps {
  readonly transitKeys: Pick<TransitKeys, 'unwrapKey'>;
  readonly messageProcessor: Pick<MessageProcessor, 'process'>;
  readonly deletedUserPurger: Pick<DeletedUserPurger, 'purge'>;
  readonly audit: AuditLog;
  readonly queue: JobQueue;
  readonly clock: Clock;
}

/** What is kept of the function's time when erasing begins no other batch, and for an audit record, milliseconds. */
const purgeTimeReserveMs = 10_000;
const auditTimeReserveMs = 500;

export class JobConsumer {
  readonly #deps: JobConsumerDeps;

  constructor(deps: JobConsumerDeps) {
    this.#deps = deps;
  }

  /**
   * Does a job. What is none, or was sealed for another org or id, is done at once: it will never be one.
   * @param onProgress told what the job says of itself, as soon as it is known, for the log of one that fails
   * @throws when it is to be done again
   */
  async processMessage(message: QueueMessage, onProgress: (facts: JobResult) => void = () => {}): Promise<JobResult> {
    const sealed = parseSealedJob(message.body);
    if (sealed === undefined) return { reason: 'damaged' };
    const { org, id } = sealed;
    onProgress({ org, job: id, retryUntil: sealed.kind === 'erase' ? 'done' : 'queue' });
    const job = await this.#decrypt(sealed);
    if (job === undefined) return { org, job: id, reason: 'damaged' };
    if (job.kind === 'erase') {
      const purged = await this.#deps.deletedUserPurger.purge(
        { org, user: job.user },
        job.locators,
        () => message.remainingMs() < purgeTimeReserveMs,
      );
      return { org, job: id, user: job.user, ...(purged ? {} : { reason: 'damaged' as const }) };
    }
    // Until it has done what it destroys, or refused to: the answer to it is one like any other.
    onProgress({ org, job: id, ...(parseCommandOfJob(job)?.kind === 'delete' ? { retryUntil: 'done' } : {}) });
    let principal: string | undefined;
    const reason = await this.#deps.messageProcessor.process({
      org,
      id,
      job,
      onCommandExecuted: () => onProgress({ org, job: id }),
      recordAudit: async (user, verb, result) => {
        principal = user;
        onProgress({ org, job: id, user });
        const auditOrigin = { route: 'worker', requestId: message.messageId, sourceIp: 'queue' } as const;
        const facts = { org, principal: `user:${user}`, verb, name: id, result, ...auditOrigin };
        await this.#deps.audit.write(facts, message.remainingMs() - auditTimeReserveMs);
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
  async requeue(body: string, group: string): Promise<void> {
    const { queue, clock } = this.#deps;
    await queue.send(body, group, createTimeId(clock().getTime(), randomBytes(16)));
  }

  /** Undefined for what does not open, whyever. */
  async #decrypt(sealed: SealedJob): Promise<JobPayload | undefined> {
    try {
      const wrapped = decodeStrictBase64(sealed.key);
      if (wrapped === undefined || wrapped.length === 0) throw new DecryptionError();
      const plaintext = openJob(sealed, await this.#deps.transitKeys.unwrapKey(sealed, wrapped));
      try {
        const job = decodeJobPayload(plaintext);
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

function parseSealedJob(body: string): SealedJob | undefined {
  const sealed = undefinedIfUndecryptable(() => parseEncryptedJob(body));
  return sealed !== undefined && isOpaqueId(sealed.org) && isTimeId(sealed.id) ? sealed : undefined;
}
