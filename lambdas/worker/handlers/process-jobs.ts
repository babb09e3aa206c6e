import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { jobRetentionSeconds } from '../../../contract/shared/environment-variables.ts';
import { describeFault, type WriteRequestLog } from '../../middleware/request-log.ts';
import { classifyError } from '../../shared/error-classification.ts';
import type { JobConsumer, JobResult, QueueMessage } from '../job-consumer.ts';

/** Tries that a job gets; then whoever waits for an answer has waited long enough, and what comes after it in its group too. */
const maxAttempts = 3;

/** How long a deletion that fails lies in the queue before it is sent again, milliseconds: there is time to try that often, too. */
const requeueAfterMs = jobRetentionSeconds * 500;

/**
 * Not a route: the queue invokes it. Failures are reported one by one, and what follows the first with it, since jobs of a group are done
 * in order (Lambda developer guide, "Implementing partial batch responses").
 */
export const processJobs =
  (log: WriteRequestLog, consumer: JobConsumer) =>
  async ({ Records }: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
    for (const [at, record] of Records.entries()) {
      if (!(await processRecord(log, consumer, record, context)))
        return { batchItemFailures: Records.slice(at).map(({ messageId }) => ({ itemIdentifier: messageId })) };
    }
    return { batchItemFailures: [] };
  };

/** @returns whether the queue may forget it */
async function processRecord(
  log: WriteRequestLog,
  consumer: JobConsumer,
  record: SQSRecord,
  context: Context,
): Promise<boolean> {
  const started = performance.now();
  const attempt = Number(record.attributes.ApproximateReceiveCount);
  let progress: JobResult = {};
  const message: QueueMessage = {
    body: record.body,
    messageId: record.messageId,
    remainingMs: () => context.getRemainingTimeInMillis(),
  };
  const logResult = (
    status: number,
    { user, retryUntil, ...facts }: JobResult,
    more: Partial<Parameters<WriteRequestLog>[0]> = {},
  ) => {
    const principal = user === undefined ? {} : { principal: `user:${user}` };
    const durationMs = Math.round(performance.now() - started);
    log({ requestId: record.messageId, route: 'worker', status, durationMs, attempt, ...facts, ...principal, ...more });
  };
  try {
    const facts = await consumer.processMessage(message, (said) => {
      progress = said;
    });
    logResult(200, facts);
    return true;
  } catch (error) {
    const code = classifyError(error)?.code ?? 'internal';
    const fault = code === 'internal' ? { fault: describeFault(error) } : {};
    const reason =
      attempt < maxAttempts ? {} : ({ reason: progress.retryUntil === 'done' ? 'undeleted' : 'unanswered' } as const);
    logResult(500, progress, { code, ...fault, ...(progress.retryUntil === 'queue' ? {} : reason) });
    if (progress.retryUntil === 'done') return await requeueIfExpiring(consumer, record);
    return progress.retryUntil === undefined && attempt >= maxAttempts;
  }
}

/** Sees to it that the queue does not lose a deletion. @returns whether the queue may forget this one, since it has another */
async function requeueIfExpiring(consumer: JobConsumer, { body, attributes }: SQSRecord): Promise<boolean> {
  if (!(Date.now() - Number(attributes.SentTimestamp) > requeueAfterMs)) return false;
  try {
    await consumer.requeue(body, attributes.MessageGroupId ?? '');
    return true;
  } catch {
    // It is there still, and comes again.
    return false;
  }
}
