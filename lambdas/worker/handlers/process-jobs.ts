import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { jobRetentionSeconds } from '../../../contract/shared/environment-variables.ts';
import { describeFault, failedDependencyOf, type WriteRequestLog } from '../../middleware/request-log.ts';
import { classifyError } from '../../shared/error-classification.ts';
import { type JobConsumer, type JobResult, maxJobAttempts, type QueueMessage } from '../job-consumer.ts';

/**
 * Milliseconds after which a failing deletion is sent to the queue again. This is half of the retention period, so
 * there is time to retry the sending too.
 */
const requeueAfterMs = jobRetentionSeconds * 500;

/**
 * Not a route: the queue invokes it. The first job that fails is reported as failed together with all later ones,
 * because jobs of a group are handled in order (Lambda developer guide, "Implementing partial batch responses").
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

/** @returns whether the queue may delete the message */
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
    attempt,
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
    const facts = await consumer.processMessage(message, (latest) => {
      progress = latest;
    });
    logResult(200, facts);
    return true;
  } catch (error) {
    const code = classifyError(error)?.code ?? 'internal';
    const fault = code === 'internal' ? { fault: describeFault(error) } : {};
    const reason =
      attempt < maxJobAttempts
        ? {}
        : ({ reason: progress.retryUntil === 'done' ? 'undeleted' : 'unanswered' } as const);
    const cause = { ...fault, ...failedDependencyOf(error) };
    logResult(500, progress, { code, ...cause, ...(progress.retryUntil === 'queue' ? {} : reason) });
    if (progress.retryUntil === 'done') return await requeueIfExpiring(consumer, record);
    return progress.retryUntil === undefined && attempt >= maxJobAttempts;
  }
}

/**
 * Sends a deletion job again before its message expires in the queue, so that the deletion is not lost.
 * @returns whether a new message was sent; the queue may then delete this one
 */
async function requeueIfExpiring(consumer: JobConsumer, { body, attributes }: SQSRecord): Promise<boolean> {
  if (!(Date.now() - Number(attributes.SentTimestamp) > requeueAfterMs)) return false;
  try {
    await consumer.requeue(body, attributes.MessageGroupId ?? '');
    return true;
  } catch {
    // This message stays in the queue and is delivered again.
    return false;
  }
}
