/**
 * An event source mapping: receives messages from a queue and invokes a function with them. It polls only when the
 * queue changes or a visibility timeout ends, and only if the queue has visible messages.
 * Source: Lambda developer guide, "Using Lambda with Amazon SQS" and "Handling errors for an SQS event source".
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { EventSourceSpec } from '../cloudformation/deployment-spec.ts';
import { account } from '../shared/aws-account.ts';
import { errorMessageOf } from '../shared/errors.ts';
import type { SqsQueue } from '../sqs/message-queue.ts';
import type { InvocationOutcome } from './execution-environment.ts';

export interface EventSourceMappingOptions {
  readonly spec: EventSourceSpec;
  readonly queue: SqsQueue;
  readonly queueUrl: string;
  /** Calls SQS with the function's own role, which needs the permissions. */
  readonly call: (action: string, input: object) => Promise<unknown>;
  readonly invoke: (event: string) => Promise<InvocationOutcome>;
  /** Maximum number of concurrent invocations. */
  readonly concurrency: number;
  /** How long one second between two attempts takes, in seconds. */
  readonly timeScale: number;
  /** How long `close` waits for running invocations, in milliseconds. */
  readonly graceMs?: number;
  /** Receives errors of failed calls, never the content of a message. */
  readonly onError: (message: string) => void;
}

export interface EventSourceMapping {
  /**
   * Stops polling and waits up to `graceMs` for running invocations. Messages that are not completed stay in the queue.
   */
  close(): Promise<void>;
}

const defaultGraceMs = 5_000;
const maxRetrySeconds = 20;
const minRetryMs = 50;
/** Node.js timers are limited to 2^31 ms. */
const maxTimerMs = 86_400_000;

const receivedSchema = z.object({
  Messages: z
    .array(
      z.object({
        MessageId: z.string(),
        ReceiptHandle: z.string(),
        Body: z.string(),
        MD5OfBody: z.string(),
        Attributes: z.record(z.string(), z.string()).default({}),
      }),
    )
    .default([]),
});
type Message = z.infer<typeof receivedSchema>['Messages'][number];

const deletedSchema = z.object({ Failed: z.array(z.object({ Code: z.string() })).default([]) });

/** The result of a function that reports failures. An empty result means that there were no failures. */
const reportSchema = z
  .object({ batchItemFailures: z.array(z.object({ itemIdentifier: z.string().min(1) })).nullish() })
  .nullable();

export function startEventSourceMapping(options: EventSourceMappingOptions): EventSourceMapping {
  const { spec, queue, queueUrl, call, concurrency, timeScale, onError, graceMs = defaultGraceMs } = options;
  const active = new Set<Promise<void>>();
  let closed = false;
  let polling = false;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;

  const wake = (): void => {
    if (closed || polling) return;
    polling = true;
    void poll().finally(() => {
      polling = false;
      // A change of the queue during polling did not start another poll.
      schedule();
    });
  };

  /** Milliseconds since the epoch; undefined if no message becomes visible without a change of the queue. */
  const nextPollAt = (): number | undefined => {
    if (failures > 0) return Date.now() + Math.max(minRetryMs, retryDelayMs(failures) * timeScale);
    // The end of an invocation changes the queue, which starts the next poll.
    if (active.size >= concurrency) return undefined;
    return queue.nextReceiveAt;
  };

  const schedule = (): void => {
    clearTimeout(timer);
    if (closed) return;
    const due = nextPollAt();
    if (due !== undefined) timer = setTimeout(wake, Math.min(Math.max(0, due - Date.now()), maxTimerMs));
  };

  const poll = async (): Promise<void> => {
    try {
      if (active.size < concurrency && queue.hasVisible) {
        await call('GetQueueAttributes', { QueueUrl: queueUrl, AttributeNames: ['All'] });
      }
      while (!closed && active.size < concurrency && queue.hasVisible) {
        const messages = await receive();
        // Messages received after `close` stay hidden until the next start.
        if (closed || messages.length === 0) break;
        // This must run before the first await: a scaled visibility timeout might be shorter than the next steps.
        queue.keepHidden(messages.map(({ MessageId }) => MessageId));
        const handling = processBatch(options, messages).finally(() => {
          active.delete(handling);
          queue.stopKeepingHidden(messages.map(({ MessageId }) => MessageId));
        });
        active.add(handling);
      }
      failures = 0;
    } catch (error) {
      failures += 1;
      onError(`event source ${spec.logicalId}: ${errorMessageOf(error)}`);
    }
  };

  const receive = async (): Promise<readonly Message[]> =>
    receivedSchema.parse(
      await call('ReceiveMessage', {
        QueueUrl: queueUrl,
        MaxNumberOfMessages: spec.batchSize,
        MessageSystemAttributeNames: ['All'],
      }),
    ).Messages;

  // Messages in flight were received by functions of an earlier process, so they become visible again.
  queue.showInFlight();
  const unsubscribe = queue.onChange(() => {
    // After a failure, only the timer starts the next attempt.
    if (failures === 0) wake();
  });
  wake();
  return {
    async close() {
      closed = true;
      unsubscribe();
      clearTimeout(timer);
      const timeouts = new AbortController();
      const late = sleep(graceMs, undefined, { signal: timeouts.signal }).catch(() => {});
      await Promise.race([Promise.allSettled([...active]), late]);
      timeouts.abort();
    },
  };
}

const retryDelayMs = (failures: number): number => Math.min(maxRetrySeconds, 2 ** (failures - 1)) * 1000;

/**
 * Invokes the function and deletes the completed messages. Never throws: after an error, messages stay in the queue.
 */
async function processBatch(options: EventSourceMappingOptions, messages: readonly Message[]): Promise<void> {
  const { spec, queueUrl, call, invoke, onError } = options;
  try {
    const outcome = await invoke(JSON.stringify({ Records: messages.map((one) => toSqsRecord(spec, one)) }));
    const done = completedMessages(outcome, messages, spec.reportsFailures);
    if (done.length === 0) return;
    const Entries = done.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    const { Failed } = deletedSchema.parse(await call('DeleteMessageBatch', { QueueUrl: queueUrl, Entries }));
    for (const { Code } of Failed) onError(`event source ${spec.logicalId}: a message was not deleted: ${Code}`);
  } catch (error) {
    onError(`event source ${spec.logicalId}: ${errorMessageOf(error)}`);
  }
}

/** The messages that the function completed. An invalid report counts as a failure of all messages. */
function completedMessages(
  outcome: InvocationOutcome,
  messages: readonly Message[],
  reportsFailures: boolean,
): readonly Message[] {
  if (!outcome.ok) return [];
  if (!reportsFailures) return messages;
  const report = reportSchema.safeParse(JSON.parse(outcome.payload));
  if (!report.success) return [];
  const failed = new Set((report.data?.batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier));
  const known = new Set(messages.map(({ MessageId }) => MessageId));
  if ([...failed].some((id) => !known.has(id))) return [];
  return messages.filter(({ MessageId }) => !failed.has(MessageId));
}

/** A record of the event, as in the developer guide's example for a FIFO queue. */
const toSqsRecord = ({ queue }: EventSourceSpec, message: Message) => ({
  messageId: message.MessageId,
  receiptHandle: message.ReceiptHandle,
  body: message.Body,
  attributes: message.Attributes,
  messageAttributes: {},
  md5OfBody: message.MD5OfBody,
  eventSource: 'aws:sqs',
  eventSourceARN: queue.queueArn,
  awsRegion: account.region,
});
