/** SQS on one machine: the template's queues, standard and FIFO, by AWS JSON 1.0. */
import { join } from 'node:path';
import type { QueueSpec } from '../cloudformation/deployment-spec.ts';
import type { ServiceEngine } from '../endpoint/service-engine.ts';
import { jsonErrorResponse, jsonProtocol, type WireProtocol } from '../endpoint/wire-protocols.ts';
import { arn } from '../shared/aws-account.ts';
import { ServiceError } from '../shared/errors.ts';
import { isObject } from '../shared/json.ts';
import { SqsQueue } from './message-queue.ts';
import { MessageStore } from './message-store.ts';
import { queryErrorCode } from './message-validation.ts';
import { sqsOperations } from './sqs-operations.ts';

/** Retention removes messages without a change: so often that is looked at. */
const maxWaitMs = 60_000;

export interface SqsOptions {
  /** Of all queues; null keeps them in memory. */
  readonly folder: string | null;
  readonly queues: readonly QueueSpec[];
  /** Where URLs of queues lead; asked at each call. */
  readonly origin: () => string;
  /** What a second of a visibility timeout or of a delay takes, in seconds; 1 unless a test is in a hurry. */
  readonly timeScale?: number;
  readonly now?: () => Date;
}

export interface SqsEngine extends ServiceEngine {
  /** By name. */
  readonly queues: ReadonlyMap<string, SqsQueue>;
  /** Resolves when none of these has a message, waiting or in flight. Rejects when all ends before. */
  whenEmpty(names: readonly string[]): Promise<void>;
  /** Ends receives that wait. */
  close(): void;
}

const protocol: WireProtocol = {
  ...jsonProtocol('AmazonSQS.', '1.0'),
  formatError: (error) => ({
    ...jsonErrorResponse(new ServiceError(`com.amazonaws.sqs#${error.type}`, error.message, error.status)),
    headers: { 'x-amzn-query-error': `${queryErrorCode(error.type)};${error.status < 500 ? 'Sender' : 'Receiver'}` },
  }),
};

/** Throws a LocalError when a message in the folder is damaged. */
export function createSqsEngine({
  folder,
  queues: specs,
  origin,
  timeScale = 1,
  now = () => new Date(),
}: SqsOptions): SqsEngine {
  const queues = new Map<string, SqsQueue>();
  for (const spec of specs) {
    const store = new MessageStore(folder && join(folder, spec.queueName));
    const deadLetters = () => queues.get(spec.deadLetters?.queueName ?? '');
    queues.set(spec.queueName, new SqsQueue({ spec, store, now: () => now().getTime(), timeScale, deadLetters }));
  }
  const closed = new AbortController();
  return {
    service: 'sqs',
    protocol,
    queues,
    permissions: (action, input) => [
      { action: `sqs:${action.replace(/Batch$/, '')}`, resource: arn('sqs', queueNameOf(input)) },
    ],
    async run({ action, input, principal }) {
      const run = Object.hasOwn(sqsOperations, action) ? sqsOperations[action] : undefined;
      if (run === undefined) throw new ServiceError('UnsupportedOperation', `There is no ${action} here.`);
      const waitFor = async (queue: SqsQueue, ms: number) => {
        if (!closed.signal.aborted) await waitForChange(queue, ms, closed.signal);
        return !closed.signal.aborted;
      };
      const answer = await run({ queues, origin, senderId: principal.name, waitFor }, input);
      return { status: 200, body: JSON.stringify(answer) };
    },
    async whenEmpty(names) {
      const watched = names.map((name) => queues.get(name));
      let busy = watched.find((queue) => queue?.isEmpty === false);
      while (busy !== undefined) {
        await waitForChange(busy, maxWaitMs, closed.signal);
        closed.signal.throwIfAborted();
        busy = watched.find((queue) => queue?.isEmpty === false);
      }
    },
    close: () => closed.abort(),
  };
}

/** Resolves at a change of the queue, when a hidden message of it comes back, or after so many milliseconds. */
function waitForChange(queue: SqsQueue, ms: number, closed: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const due = (queue.nextVisibleAt ?? Number.POSITIVE_INFINITY) - Date.now();
    const timer = setTimeout(end, Math.max(0, Math.min(ms, due)));
    const forget = queue.onChange(end);
    closed.addEventListener('abort', end, { once: true });
    function end(): void {
      clearTimeout(timer);
      forget();
      closed.removeEventListener('abort', end);
      resolve();
    }
  });
}

/** The queue that a call names, by URL or by name. */
function queueNameOf(input: unknown): string {
  const { QueueUrl, QueueName } = isObject(input) ? input : {};
  return typeof QueueUrl === 'string' ? (QueueUrl.split('/').at(-1) ?? '') : String(QueueName ?? '');
}
