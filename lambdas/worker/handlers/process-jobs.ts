import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { jobRetentionSeconds } from '../../../contract/shared/environment-variables.ts';
import { describeFault, type WriteRequestLog } from '../../middleware/request-log.ts';
import { classifyError } from '../../shared/batch-item-result.ts';
import type { Delivered, Worked, Working } from '../job-consumer.ts';

/** Tries that a job gets; then whoever waits for an answer has waited long enough, and what comes after it in its group too. */
const mostTries = 3;

/** How long a deletion that fails lies in the queue before it is sent again, milliseconds: there is time to try that often, too. */
const longestWait = jobRetentionSeconds * 500;

/**
 * Not a route: the queue invokes it. Failures are reported one by one, and what follows the first with it, since jobs of a group are done
 * in order (Lambda developer guide, "Implementing partial batch responses").
 */
export const work =
  (log: WriteRequestLog, working: Working) =>
  async ({ Records }: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
    for (const [at, record] of Records.entries()) {
      if (!(await one(log, working, record, context)))
        return { batchItemFailures: Records.slice(at).map(({ messageId }) => ({ itemIdentifier: messageId })) };
    }
    return { batchItemFailures: [] };
  };

/** @returns whether the queue may forget it */
async function one(log: WriteRequestLog, working: Working, record: SQSRecord, context: Context): Promise<boolean> {
  const started = performance.now();
  const attempt = Number(record.attributes.ApproximateReceiveCount);
  let known: Worked = {};
  const delivered: Delivered = {
    body: record.body,
    messageId: record.messageId,
    remaining: () => context.getRemainingTimeInMillis(),
  };
  const note = (
    status: number,
    { user, hold, ...facts }: Worked,
    more: Partial<Parameters<WriteRequestLog>[0]> = {},
  ) => {
    const principal = user === undefined ? {} : { principal: `user:${user}` };
    const durationMs = Math.round(performance.now() - started);
    log({ requestId: record.messageId, route: 'worker', status, durationMs, attempt, ...facts, ...principal, ...more });
  };
  try {
    const facts = await working.work(delivered, (said) => {
      known = said;
    });
    note(200, facts);
    return true;
  } catch (error) {
    const code = classifyError(error)?.code ?? 'internal';
    const fault = code === 'internal' ? { fault: describeFault(error) } : {};
    const reason = attempt < mostTries ? {} : ({ reason: known.hold === 'done' ? 'undeleted' : 'unanswered' } as const);
    note(500, known, { code, ...fault, ...(known.hold === 'queue' ? {} : reason) });
    if (known.hold === 'done') return await prolonged(working, record);
    return known.hold === undefined && attempt >= mostTries;
  }
}

/** Sees to it that the queue does not lose a deletion. @returns whether the queue may forget this one, since it has another */
async function prolonged(working: Working, { body, attributes }: SQSRecord): Promise<boolean> {
  if (!(Date.now() - Number(attributes.SentTimestamp) > longestWait)) return false;
  try {
    await working.prolong(body, attributes.MessageGroupId ?? '');
    return true;
  } catch {
    // It is there still, and comes again.
    return false;
  }
}
