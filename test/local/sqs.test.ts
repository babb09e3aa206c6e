import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SendMessageCommandInput,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { QueueSpec } from '../../local/aws/cloudformation/deployment-spec.ts';
import { settlesBefore } from '../shared/settles-before.ts';
import { principal, queueSpec, type SqsFixture, startSqsFixture } from './sqs-client-fixture.ts';

const specs: readonly QueueSpec[] = [
  queueSpec('plain', { VisibilityTimeout: 60, MessageRetentionPeriod: 3600 }),
  queueSpec('late', { DelaySeconds: 10 }),
  queueSpec('jobs.fifo', { VisibilityTimeout: 60 }),
  queueSpec('content.fifo', { ContentBasedDeduplication: true, DeduplicationScope: 'messageGroup' }),
  queueSpec('failing', {}, ['dead', 2]),
  queueSpec('dead', { MessageRetentionPeriod: 3600 }),
  queueSpec('failing.fifo', {}, ['dead.fifo', 2]),
  queueSpec('dead.fifo'),
];

let folder: string;
let queues: SqsFixture;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'anima-sqs-'));
  queues = await startSqsFixture(specs);
});
afterEach(async () => {
  await queues.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Switches to queues on disk. A repeated call simulates a restart of the process. */
async function onDisk(): Promise<void> {
  const { ahead } = queues;
  await queues.close();
  queues = await startSqsFixture(specs, { folder });
  queues.ahead = ahead;
}

const send = (queue: string, MessageBody: string, more: Partial<SendMessageCommandInput> = {}) =>
  queues.client.send(new SendMessageCommand({ QueueUrl: queues.of(queue), MessageBody, ...more }));
/** Sends to a FIFO queue. By default, no message is a duplicate. */
let sends = 0;
const enqueue = (queue: string, MessageGroupId: string, body: string, MessageDeduplicationId = `${++sends}`) =>
  send(queue, body, { MessageGroupId, MessageDeduplicationId });
const receive = async (queue: string, more: Partial<ReceiveMessageCommandInput> = {}): Promise<Message[]> => {
  const input = { QueueUrl: queues.of(queue), MaxNumberOfMessages: 10, ...more };
  return (await queues.client.send(new ReceiveMessageCommand(input))).Messages ?? [];
};
const bodies = async (queue: string, more: Partial<ReceiveMessageCommandInput> = {}) =>
  (await receive(queue, more)).map(({ Body }) => Body);
const remove = (queue: string, message: Message | undefined) =>
  queues.client.send(
    new DeleteMessageCommand({ QueueUrl: queues.of(queue), ReceiptHandle: message?.ReceiptHandle ?? expect.fail() }),
  );
const hide = (queue: string, message: Message | undefined, VisibilityTimeout: number) =>
  queues.client.send(
    new ChangeMessageVisibilityCommand({
      QueueUrl: queues.of(queue),
      ReceiptHandle: message?.ReceiptHandle,
      VisibilityTimeout,
    }),
  );
const attributes = async (queue: string): Promise<Partial<Record<string, string>>> => {
  const command = new GetQueueAttributesCommand({ QueueUrl: queues.of(queue), AttributeNames: ['All'] });
  return (await queues.client.send(command)).Attributes ?? {};
};
/** The numbers of visible messages, messages in flight, and delayed messages. */
const counts = async (queue: string) => {
  const all = await attributes(queue);
  return ['', 'NotVisible', 'Delayed'].map((kind) => Number(all[`ApproximateNumberOfMessages${kind}`]));
};
const later = (seconds: number) => {
  queues.ahead += seconds * 1000;
};

describe('a message', () => {
  test('comes as it was sent, with what the sender and the receives were', async () => {
    const before = Date.now();
    const { MessageId, SequenceNumber } = await send('plain', 'a "body" with ü and\nlines');
    expect(SequenceNumber).toBeUndefined();
    const [message] = await receive('plain', { MessageSystemAttributeNames: ['All'] });
    expect(message).toMatchObject({
      MessageId,
      Body: 'a "body" with ü and\nlines',
      Attributes: { SenderId: principal.name, ApproximateReceiveCount: '1' },
    });
    const { SentTimestamp, ApproximateFirstReceiveTimestamp } = message?.Attributes ?? {};
    expect(Number(SentTimestamp)).toBeGreaterThanOrEqual(before);
    expect(Number(ApproximateFirstReceiveTimestamp)).toBeGreaterThanOrEqual(Number(SentTimestamp));
  });

  test('brings only the attributes that were asked for', async () => {
    await enqueue('jobs.fifo', 'a', 'one', 'once');
    await enqueue('jobs.fifo', 'b', 'two');
    const MessageSystemAttributeNames = ['MessageGroupId', 'MessageDeduplicationId'] as const;
    const [one] = await receive('jobs.fifo', {
      MaxNumberOfMessages: 1,
      MessageSystemAttributeNames: [...MessageSystemAttributeNames],
    });
    expect(one?.Attributes).toEqual({ MessageGroupId: 'a', MessageDeduplicationId: 'once' });
    expect((await receive('jobs.fifo'))[0]).not.toHaveProperty('Attributes');
  });

  test('is hidden while in flight, and comes back when its time is over, with another receipt', async () => {
    await send('plain', 'x');
    const [first] = await receive('plain');
    expect(await receive('plain')).toEqual([]);
    expect(await counts('plain')).toEqual([0, 1, 0]);
    later(59);
    expect(await receive('plain')).toEqual([]);
    later(2);
    const [second] = await receive('plain', { MessageSystemAttributeNames: ['ApproximateReceiveCount'] });
    expect(second).toMatchObject({ MessageId: first?.MessageId, Attributes: { ApproximateReceiveCount: '2' } });
    await remove('plain', first);
    expect(await counts('plain')).toEqual([0, 1, 0]);
    await remove('plain', second);
    await remove('plain', second);
    expect(await counts('plain')).toEqual([0, 0, 0]);
  });

  test('is hidden for longer or no more when its receiver says so, and not by another', async () => {
    await send('plain', 'x');
    const [message] = await receive('plain');
    await hide('plain', message, 600);
    later(120);
    expect(await receive('plain')).toEqual([]);
    await hide('plain', message, 0);
    const [again] = await receive('plain');
    expect(again?.MessageId).toBe(message?.MessageId);
    await expect(hide('plain', message, 0)).rejects.toMatchObject({ name: 'MessageNotInflight' });
    await remove('plain', again);
    await expect(hide('plain', again, 0)).rejects.toMatchObject({ name: 'MessageNotInflight' });
  });

  test('waits for its delay, the own one or that of the queue', async () => {
    await send('late', 'queue');
    await send('late', 'own', { DelaySeconds: 1 });
    expect(await counts('late')).toEqual([0, 0, 2]);
    later(2);
    expect(await bodies('late')).toEqual(['own']);
    later(9);
    expect(await bodies('late')).toEqual(['queue']);
  });

  test('is gone when it was kept for as long as the queue keeps messages', async () => {
    await send('plain', 'x');
    later(3599);
    expect(await counts('plain')).toEqual([1, 0, 0]);
    later(2);
    expect(await receive('plain')).toEqual([]);
    expect(await counts('plain')).toEqual([0, 0, 0]);
  });

  test('may have a mebibyte and not a byte more', async () => {
    await send('plain', 'x'.repeat(1_048_576));
    expect((await bodies('plain'))[0]).toHaveLength(1_048_576);
    for (const body of ['x'.repeat(1_048_577), `${'x'.repeat(1_048_575)}ü`]) {
      await expect(send('plain', body)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    }
  });
});

describe('a FIFO queue', () => {
  test('gives a group in order, and none of it while one is in flight; other groups go on', async () => {
    for (const [group, body] of ['a1', 'a2', 'b1', 'a3', 'b2'].map((body) => [body.slice(0, 1), body] as const)) {
      await enqueue('jobs.fifo', group, body);
    }
    const [a1] = await receive('jobs.fifo', { MaxNumberOfMessages: 1 });
    expect(a1?.Body).toBe('a1');
    expect(await bodies('jobs.fifo')).toEqual(['b1', 'b2']);
    expect(await receive('jobs.fifo')).toEqual([]);
    await remove('jobs.fifo', a1);
    expect(await bodies('jobs.fifo')).toEqual(['a2', 'a3']);
  });

  test('gives what comes back before what was behind it', async () => {
    await enqueue('jobs.fifo', 'a', 'a1');
    await enqueue('jobs.fifo', 'a', 'a2');
    await receive('jobs.fifo', { MaxNumberOfMessages: 1 });
    later(61);
    expect(await bodies('jobs.fifo')).toEqual(['a1', 'a2']);
  });

  test('takes no deletion by a receipt whose time is over', async () => {
    await enqueue('jobs.fifo', 'a', 'a1');
    const [first] = await receive('jobs.fifo');
    later(61);
    await expect(remove('jobs.fifo', first)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    const [second] = await receive('jobs.fifo');
    await expect(remove('jobs.fifo', first)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await remove('jobs.fifo', second);
    expect(await counts('jobs.fifo')).toEqual([0, 0, 0]);
  });

  test('takes one message of a deduplication id in five minutes, deleted or not, and answers the same', async () => {
    const first = await enqueue('jobs.fifo', 'a', 'first', 'once');
    const second = await enqueue('jobs.fifo', 'b', 'second', 'once');
    expect(second).toMatchObject({ MessageId: first.MessageId, SequenceNumber: first.SequenceNumber });
    const [message] = await receive('jobs.fifo');
    await remove('jobs.fifo', message);
    later(299);
    await enqueue('jobs.fifo', 'a', 'third', 'once');
    expect(await counts('jobs.fifo')).toEqual([0, 0, 0]);
    later(2);
    const other = await enqueue('jobs.fifo', 'a', 'fourth', 'once');
    expect(other.MessageId).not.toBe(first.MessageId);
    expect(Number(other.SequenceNumber)).toBeGreaterThan(Number(first.SequenceNumber));
    expect(await bodies('jobs.fifo')).toEqual(['fourth']);
  });

  test('with deduplication by content and group knows equal bodies of a group', async () => {
    const of = async (MessageGroupId: string, body: string) =>
      (await send('content.fifo', body, { MessageGroupId })).MessageId;
    const first = await of('a', 'x');
    expect(await of('a', 'x')).toBe(first);
    expect(await of('b', 'x')).not.toBe(first);
    expect(await of('a', 'y')).not.toBe(first);
    expect(await bodies('content.fifo')).toEqual(['x', 'x', 'y']);
  });
});

describe('a message that was received too often', () => {
  test('goes to the dead-letter queue with its id, and does not come back', async () => {
    const { MessageId } = await send('failing', 'x');
    for (let n = 0; n < 2; n++) {
      expect(await receive('failing')).toHaveLength(1);
      later(31);
    }
    expect(await receive('failing')).toEqual([]);
    expect(await counts('failing')).toEqual([0, 0, 0]);
    const [dead] = await receive('dead', { MessageSystemAttributeNames: ['All'] });
    expect(dead).toMatchObject({
      MessageId,
      Body: 'x',
      Attributes: {
        DeadLetterQueueSourceArn: 'arn:aws:sqs:us-east-1:000000000000:failing',
        ApproximateReceiveCount: '1',
      },
    });
    // For a standard queue, the retention period starts when the message entered the first queue.
    later(3600 - 62);
    expect(await counts('dead')).toEqual([0, 0, 0]);
  });

  test('lets its group go on', async () => {
    await enqueue('failing.fifo', 'a', 'a1');
    await enqueue('failing.fifo', 'a', 'a2');
    for (let n = 0; n < 2; n++) {
      expect(await bodies('failing.fifo', { MaxNumberOfMessages: 1 })).toEqual(['a1']);
      later(31);
    }
    expect(await bodies('failing.fifo')).toEqual(['a2']);
    const [dead] = await receive('dead.fifo', { MessageSystemAttributeNames: ['MessageGroupId'] });
    expect(dead).toMatchObject({ Body: 'a1', Attributes: { MessageGroupId: 'a' } });
  });
});

describe('a batch', () => {
  test('is taken in order, and what is refused in it is told by entry', async () => {
    const entry = (Id: string, MessageBody: string, more = {}) => ({ Id, MessageBody, MessageGroupId: 'a', ...more });
    const Entries = [
      entry('one', '1', { MessageDeduplicationId: 'd1' }),
      entry('two', '\u0001', { MessageDeduplicationId: 'd2' }),
      entry('three', '3'),
      entry('four', '4', { MessageDeduplicationId: 'd4' }),
    ];
    const command = new SendMessageBatchCommand({ QueueUrl: queues.of('jobs.fifo'), Entries });
    const { Successful, Failed } = await queues.client.send(command);
    expect(Successful?.map(({ Id }) => Id)).toEqual(['one', 'four']);
    expect(Failed).toMatchObject([
      { Id: 'two', SenderFault: true, Code: 'InvalidMessageContents' },
      { Id: 'three', SenderFault: true, Code: 'InvalidParameterValue' },
    ]);
    const received = await receive('jobs.fifo');
    expect(received.map(({ Body }) => Body)).toEqual(['1', '4']);
    const deletions = [
      ...received.map(({ ReceiptHandle }, n) => ({ Id: `${n}`, ReceiptHandle })),
      { Id: 'x', ReceiptHandle: 'nonsense' },
    ];
    const answer = await queues.client.send(
      new DeleteMessageBatchCommand({ QueueUrl: queues.of('jobs.fifo'), Entries: deletions }),
    );
    expect(answer.Successful?.map(({ Id }) => Id)).toEqual(['0', '1']);
    expect(answer.Failed).toMatchObject([{ Id: 'x', Code: 'ReceiptHandleIsInvalid' }]);
    expect(await counts('jobs.fifo')).toEqual([0, 0, 0]);
  });

  const entries = (ids: readonly string[], MessageBody = 'x') => ids.map((Id) => ({ Id, MessageBody }));
  test.for([
    ['EmptyBatchRequest', []],
    ['TooManyEntriesInBatchRequest', entries([...'abcdefghijk'])],
    ['BatchEntryIdsNotDistinct', entries(['a', 'a'])],
    ['InvalidBatchEntryId', entries(['a b'])],
    ['BatchRequestTooLong', entries(['a', 'b'], 'x'.repeat(524_289))],
  ] as const)('is refused as a whole by %s', async ([name, Entries]) => {
    const command = new SendMessageBatchCommand({ QueueUrl: queues.of('plain'), Entries: [...Entries] });
    await expect(queues.client.send(command)).rejects.toMatchObject({ name });
    expect(await counts('plain')).toEqual([0, 0, 0]);
  });
});

describe('what SQS does not take', () => {
  const fifo = { MessageGroupId: 'a', MessageDeduplicationId: 'd' };
  test.for<[string, string, string, Partial<SendMessageCommandInput>, string]>([
    ['a FIFO message without a group', 'jobs.fifo', 'x', { MessageDeduplicationId: 'd' }, 'MissingParameter'],
    ['one that can not be told from others', 'jobs.fifo', 'x', { MessageGroupId: 'a' }, 'InvalidParameterValue'],
    ['one with a delay of its own', 'jobs.fifo', 'x', { ...fifo, DelaySeconds: 1 }, 'InvalidParameterValue'],
    ['a group with a space', 'jobs.fifo', 'x', { ...fifo, MessageGroupId: 'a b' }, 'InvalidParameterValue'],
    ['a group of 129', 'jobs.fifo', 'x', { ...fifo, MessageGroupId: 'a'.repeat(129) }, 'InvalidParameterValue'],
    ['a deduplication id on a standard queue', 'plain', 'x', { MessageDeduplicationId: 'd' }, 'InvalidParameterValue'],
    ['no body', 'plain', '', {}, 'InvalidParameterValue'],
    ['a character that XML has not', 'plain', 'a\u0000b', {}, 'InvalidMessageContents'],
    ['too long a delay', 'plain', 'x', { DelaySeconds: 901 }, 'InvalidParameterValue'],
    ['a queue that is not there', 'nothing', 'x', {}, 'QueueDoesNotExist'],
    [
      'attributes of messages, which are not here',
      'plain',
      'x',
      { MessageAttributes: { a: { DataType: 'String', StringValue: 'x' } } },
      'InvalidParameterValue',
    ],
  ])('%s', async ([, queue, body, more, name]) => {
    await expect(send(queue, body, more)).rejects.toMatchObject({ name });
    for (const { queueName } of specs) expect(await counts(queueName)).toEqual([0, 0, 0]);
  });

  test('malformed receipts, times and numbers', async () => {
    await expect(remove('plain', { ReceiptHandle: 'x' })).rejects.toMatchObject({ name: 'ReceiptHandleIsInvalid' });
    for (const more of [{ MaxNumberOfMessages: 11 }, { WaitTimeSeconds: 21 }, { VisibilityTimeout: 43_201 }]) {
      await expect(receive('plain', more)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    }
    const odd = new GetQueueAttributesCommand({ QueueUrl: queues.of('plain'), AttributeNames: ['Odd' as 'All'] });
    await expect(queues.client.send(odd)).rejects.toMatchObject({ name: 'InvalidAttributeName' });
  });

  test('the URL of another account; its host does not matter', async () => {
    const to = (QueueUrl: string) => send('plain', 'x', { QueueUrl });
    const missing = { name: 'QueueDoesNotExist' };
    await expect(to('https://sqs.us-east-1.amazonaws.com/111111111111/plain')).rejects.toMatchObject(missing);
    await to('https://sqs.us-east-1.amazonaws.com/000000000000/plain');
    expect(await counts('plain')).toEqual([1, 0, 0]);
  });
});

describe('a queue', () => {
  test('tells its URL and its attributes', async () => {
    const { QueueUrl } = await queues.client.send(new GetQueueUrlCommand({ QueueName: 'content.fifo' }));
    expect(QueueUrl).toBe(queues.of('content.fifo'));
    await expect(queues.client.send(new GetQueueUrlCommand({ QueueName: 'no' }))).rejects.toThrow('does not exist');
    expect(await attributes('content.fifo')).toMatchObject({
      QueueArn: 'arn:aws:sqs:us-east-1:000000000000:content.fifo',
      FifoQueue: 'true',
      ContentBasedDeduplication: 'true',
      VisibilityTimeout: '30',
      MaximumMessageSize: '1048576',
    });
    expect(await attributes('plain')).not.toHaveProperty('FifoQueue');
  });

  test('is emptied by a purge, at most once a minute', async () => {
    const purge = () => queues.client.send(new PurgeQueueCommand({ QueueUrl: queues.of('plain') }));
    await send('plain', 'waiting');
    await send('plain', 'in flight');
    await receive('plain', { MaxNumberOfMessages: 1 });
    await purge();
    expect(await counts('plain')).toEqual([0, 0, 0]);
    await expect(purge()).rejects.toMatchObject({ name: 'PurgeQueueInProgress' });
    later(60);
    await purge();
  });

  test('lets a receiver wait until something comes, and no longer', async () => {
    const waiting = bodies('plain', { WaitTimeSeconds: 10 });
    await expect.poll(() => queues.watched.calls.count({ action: 'ReceiveMessage' })).toBe(1);
    await send('plain', 'x');
    expect(await settlesBefore(5_000, waiting)).toBe(true);
    expect(await waiting).toEqual(['x']);
    expect(await bodies('plain', { WaitTimeSeconds: 1 })).toEqual([]);
  });

  test('shows hooks who calls, and the permission that IAM asks for', async () => {
    const seen: unknown[] = [];
    queues.hooks = {
      authorize: ({ action, callerArn, permissions }) => {
        seen.push([action, callerArn, permissions]);
        return action !== 'SendMessageBatch';
      },
    };
    const Entries = [{ Id: 'a', MessageBody: 'x' }];
    const batch = new SendMessageBatchCommand({ QueueUrl: queues.of('plain'), Entries });
    await expect(queues.client.send(batch)).rejects.toMatchObject({ name: 'AccessDenied' });
    await queues.client.send(new GetQueueUrlCommand({ QueueName: 'plain' }));
    const resource = 'arn:aws:sqs:us-east-1:000000000000:plain';
    expect(seen).toEqual([
      ['SendMessageBatch', principal.arn, [{ action: 'sqs:SendMessage', resource }]],
      ['GetQueueUrl', principal.arn, [{ action: 'sqs:GetQueueUrl', resource }]],
    ]);
    expect(await counts('plain')).toEqual([0, 0, 0]);
  });
});

describe('on disk', () => {
  test('a restart goes on with what was unfinished, in order, and with nothing that was deleted', async () => {
    await onDisk();
    for (const body of ['a1', 'a2', 'a3']) await enqueue('jobs.fifo', 'a', body, body);
    const [a1] = await receive('jobs.fifo', { MaxNumberOfMessages: 1 });
    await remove('jobs.fifo', a1);
    await receive('jobs.fifo', { MaxNumberOfMessages: 1 });
    await onDisk();
    expect(await counts('jobs.fifo')).toEqual([1, 1, 0]);
    expect(await receive('jobs.fifo')).toEqual([]);
    later(61);
    const received = await receive('jobs.fifo', { MessageSystemAttributeNames: ['ApproximateReceiveCount'] });
    expect(received.map(({ Body, Attributes }) => [Body, Attributes?.ApproximateReceiveCount])).toEqual([
      ['a2', '2'],
      ['a3', '1'],
    ]);
    expect((await enqueue('jobs.fifo', 'a', 'again', 'a1')).MessageId).toBe(a1?.MessageId);
    expect(await counts('jobs.fifo')).toEqual([0, 2, 0]);
  });

  test('nothing stays of a message that was deleted, once it can not be told from others', async () => {
    await onDisk();
    await enqueue('jobs.fifo', 'a', 'x');
    await remove('jobs.fifo', (await receive('jobs.fifo'))[0]);
    later(301);
    await counts('jobs.fifo');
    expect(readdirSync(join(folder, 'jobs.fifo'))).toEqual([]);
  });

  test('a message that is damaged is told, not dropped', async () => {
    await onDisk();
    await send('plain', 'x');
    const [file = ''] = readdirSync(join(folder, 'plain'));
    writeFileSync(join(folder, 'plain', file), '{');
    await expect(startSqsFixture(specs, { folder })).rejects.toThrow(/is damaged\. Nothing was started/);
  });

  test('every message whose sending was answered is there after kill -9', async () => {
    const local = fileURLToPath(new URL('../../local/', import.meta.url));
    const program = `
      const { SqsQueue } = await import(${JSON.stringify(join(local, 'aws/sqs/message-queue.ts'))});
      const { MessageStore } = await import(${JSON.stringify(join(local, 'aws/sqs/message-store.ts'))});
      const queue = new SqsQueue({
        spec: ${JSON.stringify(queueSpec('jobs.fifo'))},
        store: new MessageStore(${JSON.stringify(join(folder, 'jobs.fifo'))}),
        now: Date.now, timeScale: 1, deadLetters: () => undefined,
      });
      for (let n = 0; ; n++) {
        queue.send({ body: String(n), groupId: 'a', deduplicationId: String(n), senderId: 's', delay: undefined });
        process.stdout.write(n + '\\n');
        await new Promise(setImmediate);
      }`;
    const child = spawn(process.execPath, [
      '--input-type=module',
      '--disable-warning=ExperimentalWarning',
      '-e',
      program,
    ]);
    let answered = -1;
    for await (const line of createInterface({ input: child.stdout })) {
      answered = Number(line);
      if (answered >= 20) break;
    }
    child.kill('SIGKILL');
    await once(child, 'exit');
    await onDisk();
    const all: (string | undefined)[] = [];
    for (let batch = await receive('jobs.fifo'); batch.length > 0; batch = await receive('jobs.fifo')) {
      for (const message of batch) {
        all.push(message.Body);
        await remove('jobs.fifo', message);
      }
    }
    expect(all.length).toBeGreaterThan(answered);
    expect(all).toEqual(all.map((_, n) => String(n)));
  });
});
