/** An event source mapping without a vault, with a queue and a test function. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { EventSourceSpec, FunctionSpec } from '../../local/aws/cloudformation/deployment-spec.ts';
import { createInProcessCaller } from '../../local/aws/endpoint/signed-service-server.ts';
import { type EventSourceMapping, startEventSourceMapping } from '../../local/aws/lambda/event-source-mapping.ts';
import type { InvocationOutcome } from '../../local/aws/lambda/execution-environment.ts';
import { arn } from '../../local/aws/shared/aws-account.ts';
import { principal, queueSpec, type SqsFixture, startSqsFixture } from './sqs-client-fixture.ts';

const eventSchema = z.object({
  Records: z.array(
    z.looseObject({ messageId: z.string(), body: z.string(), attributes: z.record(z.string(), z.string()) }),
  ),
});
type Records = z.infer<typeof eventSchema>['Records'];

const worker: FunctionSpec = {
  logicalId: principal.name,
  functionName: 'worker',
  functionArn: arn('lambda', 'function:worker'),
  version: '$LATEST',
  codeFolder: '/nowhere',
  Code: { S3Bucket: '', S3Key: '' },
  Handler: 'index.handler',
  Runtime: 'nodejs24.x',
  Role: principal.arn,
  Timeout: 15,
  MemorySize: 128,
  Environment: { Variables: {} },
  LoggingConfig: {},
};
const done: InvocationOutcome = { ok: true, payload: 'null' };
const failed: InvocationOutcome = { ok: false, type: 'Error', message: 'on purpose' };
const reported = (...messageIds: string[]): InvocationOutcome => ({
  ok: true,
  payload: JSON.stringify({ batchItemFailures: messageIds.map((itemIdentifier) => ({ itemIdentifier })) }),
});

describe('a mapping', () => {
  const jobs = queueSpec('jobs.fifo', { VisibilityTimeout: 30, ContentBasedDeduplication: true }, ['dead.fifo', 3]);
  let queues: SqsFixture;
  let source: EventSourceMapping;
  let errors: string[];

  /** One second of the queue takes 10 ms. */
  async function start(
    invoke: (records: Records) => InvocationOutcome | Promise<InvocationOutcome>,
    more: Partial<EventSourceSpec> & { readonly concurrency?: number; readonly graceMs?: number } = {},
  ): Promise<void> {
    queues = await startSqsFixture([jobs, queueSpec('dead.fifo')], { timeScale: 0.01 });
    attach(invoke, more);
  }

  function attach(
    invoke: (records: Records) => InvocationOutcome | Promise<InvocationOutcome>,
    { concurrency = 4, graceMs = 1000, ...more }: Parameters<typeof start>[1] = {},
  ): void {
    errors = [];
    source = startEventSourceMapping({
      spec: {
        logicalId: 'Mapping',
        queue: jobs,
        function: worker,
        targetArn: worker.functionArn,
        batchSize: 10,
        reportsFailures: true,
        maxConcurrency: undefined,
        ...more,
      },
      queue: queues.sqs.queues.get(jobs.queueName) ?? expect.fail(),
      queueUrl: queues.of(jobs.queueName),
      call: createInProcessCaller(queues.watched, queues.sqs, principal),
      invoke: async (event) => await invoke(eventSchema.parse(JSON.parse(event)).Records),
      concurrency,
      graceMs,
      timeScale: 0.01,
      onError: (message) => errors.push(message),
    });
  }

  afterEach(async () => {
    await source.close();
    await queues.close();
  });

  const send = (MessageGroupId: string, MessageBody: string) =>
    queues.client.send(new SendMessageCommand({ QueueUrl: queues.of(jobs.queueName), MessageBody, MessageGroupId }));
  const emptied = () => queues.sqs.whenEmpty([jobs.queueName]);
  const deadBodies = () => (queues.sqs.queues.get('dead.fifo') ?? expect.fail()).receive(10, 1).map(({ body }) => body);

  test('invokes the function with the documented event, and deletes what it is done with', async () => {
    const events: Records[] = [];
    await start((records) => {
      events.push(records);
      return done;
    });
    const { MessageId, SequenceNumber, MD5OfMessageBody } = await send('group', 'a body');
    await emptied();
    const { MessageDeduplicationId } = events[0]?.[0]?.attributes ?? {};
    expect(events).toEqual([
      [
        {
          messageId: MessageId,
          receiptHandle: expect.any(String),
          body: 'a body',
          attributes: {
            ApproximateReceiveCount: '1',
            SentTimestamp: expect.stringMatching(/^\d{13}$/),
            ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
            SenderId: principal.name,
            SequenceNumber,
            MessageGroupId: 'group',
            MessageDeduplicationId,
          },
          messageAttributes: {},
          md5OfBody: MD5OfMessageBody,
          eventSource: 'aws:sqs',
          eventSourceARN: jobs.queueArn,
          awsRegion: 'us-east-1',
        },
      ],
    ]);
    const calls = queues.watched.calls.list().filter(({ action }) => action !== 'SendMessage');
    expect(calls).toEqual(
      ['GetQueueAttributes', 'ReceiveMessage', 'DeleteMessageBatch'].map((action) => ({
        service: 'sqs',
        action,
        principal: principal.name,
      })),
    );
  });

  test('leaves what failed until its visibility timeout is over, and the group behind it', async () => {
    const seen: [string | undefined, string | undefined, number][] = [];
    await start(
      (records) => {
        const { body, attributes } = records[0] ?? expect.fail();
        seen.push([body, attributes.ApproximateReceiveCount, Date.now()]);
        return body === 'a1' && attributes.ApproximateReceiveCount === '1' ? failed : done;
      },
      { batchSize: 1 },
    );
    // The time-out starts when the message is received, which is before the function sees it.
    const before = Date.now();
    await send('a', 'a1');
    await send('a', 'a2');
    await emptied();
    expect(seen.map(([body, count]) => `${body} ${count}`)).toEqual(['a1 1', 'a1 2', 'a2 1']);
    expect((seen[1]?.[2] ?? 0) - before).toBeGreaterThanOrEqual(295);
  });

  test('leaves of a batch only what was reported', async () => {
    queues = await startSqsFixture([jobs, queueSpec('dead.fifo')], { timeScale: 0.01 });
    for (const body of ['one', 'two', 'three']) await send(body, body);
    const batches: string[][] = [];
    attach((records) => {
      batches.push(records.map(({ body }) => body));
      return batches.length === 1 ? reported(records[1]?.messageId ?? '') : reported();
    });
    await emptied();
    expect(batches).toEqual([['one', 'two', 'three'], ['two']]);
  });

  test.each([
    ['null', 1],
    ['{}', 1],
    ['{"batchItemFailures":null}', 1],
    ['{"batchItemFailures":[]}', 1],
    ['{"batchItemFailures":[{"itemIdentifier":""}]}', 2],
    ['{"batchItemFailures":[{"itemIdentifier":"of another"}]}', 2],
    ['{"batchItemFailures":[{"id":"x"}]}', 2],
    ['"done"', 2],
  ])('takes the report %s, and asks %i times', async (payload, times) => {
    let count = 0;
    await start(() => {
      count += 1;
      return count === 1 ? { ok: true, payload } : done;
    });
    await send('a', 'x');
    await emptied();
    expect(count).toBe(times);
  });

  test('takes a function that reports nothing by whether it fails', async () => {
    let count = 0;
    await start(
      (records) => {
        count += 1;
        return reported(records[0]?.messageId ?? '');
      },
      { reportsFailures: false },
    );
    await send('a', 'x');
    await emptied();
    expect(count).toBe(1);
  });

  test('does not give a message again while it is handled, however short a scaled timeout is', async () => {
    let count = 0;
    await start(async () => {
      count += 1;
      await sleep(600);
      return done;
    });
    await send('a', 'x');
    await emptied();
    expect(count).toBe(1);
    expect(errors).toEqual([]);
  });

  test('gives up what fails too often: it goes to the dead-letter queue', async () => {
    let count = 0;
    await start((records) => {
      if (records[0]?.body === 'good') return done;
      count += 1;
      return failed;
    });
    await send('a', 'bad');
    await send('b', 'good');
    await emptied();
    expect(count).toBe(3);
    expect(deadBodies()).toEqual(['bad']);
  });

  test('handles groups at once but each in order, with no more invocations than allowed', async () => {
    const order = new Map<string, number[]>();
    let running = 0;
    let most = 0;
    await start(
      async (records) => {
        running += 1;
        most = Math.max(most, running);
        await sleep(2);
        running -= 1;
        for (const { body, attributes } of records) {
          const group = attributes.MessageGroupId ?? '';
          order.set(group, [...(order.get(group) ?? []), Number(body.split(' ')[1])]);
        }
        return done;
      },
      { batchSize: 2, concurrency: 3 },
    );
    const groups = ['a', 'b', 'c', 'd', 'e'];
    for (let n = 0; n < 12; n++) await Promise.all(groups.map((group) => send(group, `${group} ${n}`)));
    await emptied();
    expect([...order.keys()].sort()).toEqual(groups);
    for (const numbers of order.values()) expect(numbers).toEqual(Array.from({ length: 12 }, (_, n) => n));
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
  });

  test('asks for nothing while there is nothing, and not in a loop when it is refused', async () => {
    await start(() => done);
    await sleep(100);
    expect(queues.watched.calls.list()).toEqual([]);
    queues.hooks = { authorize: ({ action }) => action === 'SendMessage' };
    await send('a', 'x');
    await sleep(300);
    const refused = queues.watched.calls.count({ principal: principal.name }) - 1;
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(10);
    expect(errors[0]).toContain('not authorized to perform: sqs:GetQueueAttributes');
    queues.hooks = {};
    await emptied();
  });

  test('delivers again what could not be deleted', async () => {
    let count = 0;
    await start(() => {
      count += 1;
      queues.hooks = count === 1 ? { before: () => 'drop-before' } : {};
      return done;
    });
    await send('a', 'x');
    await expect.poll(() => errors.length, { interval: 5 }).toBeGreaterThan(0);
    queues.hooks = {};
    await emptied();
    expect(count).toBe(2);
  });

  test('that is closed waits for what it began, takes nothing more, and leaves what does not end', async () => {
    const release = Promise.withResolvers<InvocationOutcome>();
    let count = 0;
    await start(() => {
      count += 1;
      return release.promise;
    });
    await send('a', 'a1');
    await expect.poll(() => count, { interval: 5 }).toBe(1);
    const closing = source.close();
    await send('b', 'b1');
    release.resolve(done);
    await closing;
    expect(count).toBe(1);
    expect(queues.sqs.queues.get(jobs.queueName)?.counts()).toEqual({ waiting: 1, inFlight: 0, delayed: 0 });

    attach(() => new Promise(() => {}), { graceMs: 50 });
    await expect.poll(() => queues.sqs.queues.get(jobs.queueName)?.counts().inFlight, { interval: 5 }).toBe(1);
    await source.close();
    expect(queues.sqs.queues.get(jobs.queueName)?.isEmpty).toBe(false);
  });
});
