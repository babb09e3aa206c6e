/** The operations of the SQS emulator. Source: SQS API reference, 2012-11-05. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { account, queueUrl } from '../shared/aws-account.ts';
import { ServiceError } from '../shared/errors.ts';
import type { JsonObject } from '../shared/json.ts';
import type { ReceivedMessage, SqsQueue } from './message-queue.ts';
import {
  type BatchEntry,
  messageFields,
  parseBatchEntries,
  parseInput,
  queryErrorCode,
  toNewMessage,
} from './message-validation.ts';

export interface SqsContext {
  /** By name. */
  readonly queues: ReadonlyMap<string, SqsQueue>;
  /** Origin of queue URLs. */
  readonly origin: () => string;
  readonly senderId: string;
  /**
   * Resolves when a queue might have a message to receive, or after `ms` milliseconds. The result is false if the
   * engine is closed.
   */
  readonly waitFor: (queue: SqsQueue, ms: number) => Promise<boolean>;
}

type Answer = JsonObject | Promise<JsonObject>;
export type SqsOperation = (context: SqsContext, input: unknown) => Answer;

const queueInput = { QueueUrl: z.string() };
const receiptHandle = z.string().min(1);
const timeout = z.int().min(0).max(43_200);

/** Adds input validation to an operation on the queue of `QueueUrl`. */
const queueOperation = <Input extends { QueueUrl: string }>(
  schema: z.ZodType<Input>,
  run: (queue: SqsQueue, input: Input, context: SqsContext) => Answer,
): SqsOperation => {
  return (context, input) => {
    const fields = parseInput(schema, input);
    return run(requireQueue(context, fields.QueueUrl), fields, context);
  };
};

const batchSchema = z.strictObject({ ...queueInput, Entries: z.unknown() });
const messageSchema = z.strictObject({ Id: z.unknown(), ...messageFields });
const deletionSchema = z.strictObject({ Id: z.unknown(), ReceiptHandle: receiptHandle });

export const sqsOperations: Record<string, SqsOperation> = {
  SendMessage: queueOperation(
    z.strictObject({ ...queueInput, ...messageFields }),
    (queue, { QueueUrl, ...fields }, context) => send(queue, fields, context.senderId),
  ),

  SendMessageBatch: queueOperation(batchSchema, (queue, { Entries }, { senderId }) =>
    runBatch(Entries, (entry) => send(queue, parseInput(messageSchema, entry), senderId)),
  ),

  ReceiveMessage: queueOperation(
    z.strictObject({
      ...queueInput,
      MaxNumberOfMessages: z.int().min(1).max(10).default(1),
      VisibilityTimeout: timeout.optional(),
      WaitTimeSeconds: z.int().min(0).max(20).optional(),
      AttributeNames: z.array(z.string()).default([]),
      MessageSystemAttributeNames: z.array(z.string()).default([]),
      MessageAttributeNames: z.array(z.string()).default([]),
    }),
    async (queue, input, { waitFor }) => {
      const { spec } = queue;
      const until = Date.now() + (input.WaitTimeSeconds ?? spec.ReceiveMessageWaitTimeSeconds) * 1000;
      const receive = () => queue.receive(input.MaxNumberOfMessages, input.VisibilityTimeout ?? spec.VisibilityTimeout);
      let messages = receive();
      while (messages.length === 0 && Date.now() < until) {
        if (!(await waitFor(queue, until - Date.now()))) break;
        messages = receive();
      }
      const wanted = new Set([...input.AttributeNames, ...input.MessageSystemAttributeNames]);
      return messages.length === 0 ? {} : { Messages: messages.map((message) => toWireMessage(message, wanted)) };
    },
  ),

  DeleteMessage: queueOperation(
    z.strictObject({ ...queueInput, ReceiptHandle: receiptHandle }),
    (queue, { ReceiptHandle }) => {
      queue.delete(ReceiptHandle);
      return {};
    },
  ),

  DeleteMessageBatch: queueOperation(batchSchema, (queue, { Entries }) =>
    runBatch(Entries, (entry) => {
      queue.delete(parseInput(deletionSchema, entry).ReceiptHandle);
      return {};
    }),
  ),

  ChangeMessageVisibility: queueOperation(
    z.strictObject({ ...queueInput, ReceiptHandle: receiptHandle, VisibilityTimeout: timeout }),
    (queue, { ReceiptHandle, VisibilityTimeout }) => {
      queue.changeVisibility(ReceiptHandle, VisibilityTimeout);
      return {};
    },
  ),

  GetQueueAttributes: queueOperation(
    z.strictObject({ ...queueInput, AttributeNames: z.array(z.string()).default([]) }),
    (queue, { AttributeNames }) => {
      const all = attributesOf(queue);
      if (AttributeNames.includes('All')) return { Attributes: all };
      const unknown = AttributeNames.find((name) => !Object.hasOwn(all, name) && !optionalAttributes.has(name));
      if (unknown !== undefined) throw new ServiceError('InvalidAttributeName', `Unknown Attribute ${unknown}.`);
      const named = Object.entries(all).filter(([name]) => AttributeNames.includes(name));
      return named.length === 0 ? {} : { Attributes: Object.fromEntries(named) };
    },
  ),

  GetQueueUrl: ({ queues, origin }, input) => {
    const schema = z.strictObject({ QueueName: z.string(), QueueOwnerAWSAccountId: z.string().optional() });
    const { QueueName, QueueOwnerAWSAccountId } = parseInput(schema, input);
    if (!queues.has(QueueName) || (QueueOwnerAWSAccountId ?? account.id) !== account.id) throw noQueue();
    return { QueueUrl: queueUrl(QueueName, origin()) };
  },

  PurgeQueue: queueOperation(z.strictObject(queueInput), (queue) => {
    queue.purge();
    return {};
  }),
};

/** Finds a queue by the last two path segments of its URL. The host is ignored. */
function requireQueue({ queues }: SqsContext, url: string): SqsQueue {
  const [accountId, name = ''] = url.split('/').slice(-2);
  const queue = accountId === account.id ? queues.get(name) : undefined;
  if (queue === undefined) throw noQueue();
  return queue;
}

function send(queue: SqsQueue, fields: Parameters<typeof toNewMessage>[1], senderId: string): JsonObject {
  const message = toNewMessage(queue, fields, senderId);
  const { messageId, sequence } = queue.send(message);
  return {
    MessageId: messageId,
    MD5OfMessageBody: md5(message.body),
    ...(queue.spec.FifoQueue && { SequenceNumber: sequenceNumber(sequence) }),
  };
}

/** Runs each entry separately. The error of a rejected entry is in the response, and the other entries still run. */
function runBatch(entries: unknown, run: (entry: BatchEntry) => JsonObject): JsonObject {
  const Successful: JsonObject[] = [];
  const Failed: JsonObject[] = [];
  for (const entry of parseBatchEntries(entries)) {
    try {
      Successful.push({ Id: entry.Id, ...run(entry) });
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      Failed.push({ Id: entry.Id, SenderFault: true, Code: queryErrorCode(error.type), Message: error.message });
    }
  }
  return { Successful, Failed };
}

function toWireMessage(message: ReceivedMessage, wanted: ReadonlySet<string>): JsonObject {
  const { messageId, receipt, body, groupId, deduplicationId, deadLetterSource } = message;
  const attributes: Record<string, string> = {
    SenderId: message.senderId,
    SentTimestamp: String(message.sentAt),
    ApproximateReceiveCount: String(message.receiveCount),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
    ...(groupId !== undefined && { MessageGroupId: groupId }),
    ...(deduplicationId !== undefined && {
      MessageDeduplicationId: deduplicationId,
      SequenceNumber: sequenceNumber(message.sequence),
    }),
    ...(deadLetterSource !== undefined && { DeadLetterQueueSourceArn: deadLetterSource }),
  };
  const given = Object.entries(attributes).filter(([name]) => wanted.has('All') || wanted.has(name));
  return {
    MessageId: messageId,
    ReceiptHandle: receipt,
    MD5OfBody: md5(body),
    Body: body,
    ...(given.length > 0 && { Attributes: Object.fromEntries(given) }),
  };
}

/** Attributes that some queues do not have. */
const optionalAttributes: ReadonlySet<string> = new Set([
  'ContentBasedDeduplication',
  'DeduplicationScope',
  'FifoQueue',
  'FifoThroughputLimit',
  'RedrivePolicy',
]);

function attributesOf(queue: SqsQueue): Record<string, string> {
  const { spec } = queue;
  const { waiting, inFlight, delayed } = queue.counts();
  const createdAt = String(Math.floor(queue.createdAt / 1000));
  return {
    QueueArn: spec.queueArn,
    ApproximateNumberOfMessages: String(waiting),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    CreatedTimestamp: createdAt,
    LastModifiedTimestamp: createdAt,
    VisibilityTimeout: String(spec.VisibilityTimeout),
    MaximumMessageSize: String(spec.MaximumMessageSize),
    MessageRetentionPeriod: String(spec.MessageRetentionPeriod),
    DelaySeconds: String(spec.DelaySeconds),
    ReceiveMessageWaitTimeSeconds: String(spec.ReceiveMessageWaitTimeSeconds),
    ...(spec.RedrivePolicy !== undefined && { RedrivePolicy: JSON.stringify(spec.RedrivePolicy) }),
    ...(spec.FifoQueue && {
      FifoQueue: 'true',
      ContentBasedDeduplication: String(spec.ContentBasedDeduplication),
      DeduplicationScope: spec.DeduplicationScope,
      FifoThroughputLimit: spec.FifoThroughputLimit,
    }),
  };
}

const noQueue = () => new ServiceError('QueueDoesNotExist', 'The specified queue does not exist.');
const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const sequenceNumber = (sequence: number): string => String(sequence).padStart(20, '0');
