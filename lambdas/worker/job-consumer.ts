/** Decrypts jobs from the queue and executes them. This is the only place where job keys are unwrapped. */
import { randomBytes } from 'node:crypto';
import { DecryptionError } from '../../core/decryption-error.ts';
import { isOpaqueId } from '../../core/encoding/random-id.ts';
import { decodeStrictBase64 } from '../../core/encoding/strict-base64.ts';
import { createTimeId, isTimeId, timeOfTimeId } from '../../core/encoding/time-ordered-id.ts';
import { openJob, parseEncryptedJob, type SealedJob } from '../../core/jobs/job-envelope.ts';
import { type MessageProcessor, parseCommandOfJob } from '../conversations/message-processor.ts';
import type { DropReason } from '../conversations/message-task.ts';
import type { JobQueue, TransitKeys } from '../jobs/job-ports.ts';
import type { AuditLog } from '../shared/audit-log.ts';
import { undefinedIfUndecryptable } from '../shared/error-classification.ts';
import type { Clock } from '../shared/ports.ts';
import type { DeletedUserPurger } from '../users/deleted-user-purger.ts';
import { decodeJobPayload, type JobPayload } from './job-decoder.ts';

/** A job as received from the queue. */
export interface QueueMessage {
  readonly body: string;
  /** ID that the queue assigned. */
  readonly messageId: string;
  /** Number of times that the queue delivered the job, from 1. */
  readonly attempt: number;
  /** Milliseconds that remain for processing. */
  remainingMs(): number;
}

/** Result of a job, for the log. It has no content. */
export interface JobResult {
  readonly org?: string;
  readonly job?: string;
  readonly user?: string;
  readonly reason?: Exclude<DropReason, undefined> | 'damaged';
  /**
   * For a failed job: how long it is retried. `queue`: as long as the queue retains it, because it is not decrypted yet
   * and might be a deletion. `done`: until it succeeds, for deletions. Undefined: for a few attempts.
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

/**
 * Attempts per job. After that, the sender has waited long enough for an answer, and so have the later jobs of the
 * group.
 */
export const maxJobAttempts = 3;

/** Remaining time of the function below which a purge starts no further batch, in milliseconds. */
const purgeTimeReserveMs = 10_000;
/** Time that remains after the deadline of an audit write, in milliseconds. */
const auditTimeReserveMs = 500;

export class JobConsumer {
  readonly #deps: JobConsumerDeps;

  constructor(deps: JobConsumerDeps) {
    this.#deps = deps;
  }

  /**
   * Processes a job. If it is malformed, or was encrypted for another org or ID, it is completed immediately, because a
   * retry would not help.
   * @param onProgress called with the known facts as soon as they change, for the log entry of a failure
   * @throws if the job must be processed again
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
    // A deletion command is retried until it was executed or refused. After that, its reply is retried like any other.
    let facts: JobResult = { org, job: id };
    if (parseCommandOfJob(job)?.kind === 'delete') facts = { ...facts, retryUntil: 'done' };
    onProgress(facts);
    const reason = await this.#deps.messageProcessor.process({
      org,
      id,
      receivedAt: new Date(timeOfTimeId(id)),
      job,
      attempt: message.attempt,
      isLastAttempt: message.attempt >= maxJobAttempts,
      onCommandExecuted: () => {
        const { retryUntil: _, ...executed } = facts;
        facts = executed;
        onProgress(facts);
      },
      recordAudit: async (user, verb, result) => {
        facts = { ...facts, user };
        onProgress(facts);
        const auditOrigin = { route: 'worker', requestId: message.messageId, sourceIp: 'queue' } as const;
        const auditEvent = { org, principal: `user:${user}`, verb, name: id, result, ...auditOrigin };
        await this.#deps.audit.write(auditEvent, message.remainingMs() - auditTimeReserveMs);
      },
    });
    return {
      org,
      job: id,
      ...(facts.user === undefined ? {} : { user: facts.user }),
      ...(reason === undefined ? {} : { reason }),
    };
  }

  /**
   * Sends a job to the queue again in its encrypted form, so that it is not lost when its retention period ends.
   * @throws VaultError `unavailable`
   */
  async requeue(body: string, group: string): Promise<void> {
    const { queue, clock } = this.#deps;
    await queue.send(body, group, createTimeId(clock().getTime(), randomBytes(16)));
  }

  /** Returns undefined if the job cannot be decrypted, for any cause. */
  async #decrypt(sealed: SealedJob): Promise<JobPayload | undefined> {
    try {
      const wrapped = decodeStrictBase64(sealed.key);
      if (wrapped === undefined || wrapped.length === 0) throw new DecryptionError();
      const plaintext = openJob(sealed, await this.#deps.transitKeys.unwrapKey(sealed, wrapped));
      try {
        const job = decodeJobPayload(plaintext);
        // The policies allow a function to send certain kinds of jobs. It must not be able to send a job of another
        // kind inside an allowed one.
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
