/** An SQS emulator (AWS JSON 1.0) with the template's standard and FIFO queues. */
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

/** Maximum time between two checks of a waiting caller, because retention removes messages without a change event. */
const maxWaitMs = 60_000;

export interface SqsOptions {
  /** Folder of all queues; null keeps them in memory. */
  readonly folder: string | null;
  readonly queues: readonly QueueSpec[];
  /** Origin of queue URLs. Called for each request. */
  readonly origin: () => string;
  /**
   * How long one second of a visibility timeout or delay takes, in seconds. Default 1; tests use less to run faster.
   */
  readonly timeScale?: number;
  readonly now?: () => Date;
}

export interface SqsEngine extends ServiceEngine {
  /** By name. */
  readonly queues: ReadonlyMap<string, SqsQueue>;
  /**
   * Resolves when none of these queues has a waiting message or a message in flight. Rejects if the engine is closed
   * first.
   */
  whenEmpty(names: readonly string[]): Promise<void>;
  /** Ends waiting receive calls. */
  close(): void;
}

const protocol: WireProtocol = {
  ...jsonProtocol('AmazonSQS.', '1.0'),
  formatError: (error) => ({
    ...jsonErrorResponse(new ServiceError(`com.amazonaws.sqs#${error.type}`, error.message, error.status)),
    headers: { 'x-amzn-query-error': `${queryErrorCode(error.type)};${error.status < 500 ? 'Sender' : 'Receiver'}` },
  }),
};

/** Throws a LocalError if a message in the folder is damaged. */
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
      if (run === undefined)
        throw new ServiceError('UnsupportedOperation', `The SQS emulator does not support ${action}.`);
      const waitFor = async (queue: SqsQueue, ms: number) => {
        const due = (queue.nextReceiveAt ?? Number.POSITIVE_INFINITY) - now().getTime();
        if (!closed.signal.aborted) await waitForChange(queue, Math.max(0, Math.min(ms, due)), closed.signal);
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

/** Resolves when the queue changes, or after `ms` milliseconds. */
function waitForChange(queue: SqsQueue, ms: number, closed: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms);
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

/** The name of the queue of a call, which has the queue's URL or name. */
function queueNameOf(input: unknown): string {
  const { QueueUrl, QueueName } = isObject(input) ? input : {};
  return typeof QueueUrl === 'string' ? (QueueUrl.split('/').at(-1) ?? '') : String(QueueName ?? '');
}
