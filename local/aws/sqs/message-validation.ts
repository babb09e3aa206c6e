/** Input validation of SQS, with its errors. Source: SQS API reference; developer guide, "Message quotas". */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { maxMessageBytes } from '../cloudformation/sqs-resource-schemas.ts';
import { ServiceError } from '../shared/errors.ts';
import { firstIssue } from '../shared/json.ts';
import type { NewMessage, SqsQueue } from './message-queue.ts';

const maxEntries = 10;

/** @throws ServiceError `InvalidParameterValue` */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (!result.success) throw invalidParameter(firstIssue(result.error));
  return result.data;
}

export const invalidParameter = (reason: string): ServiceError =>
  new ServiceError('InvalidParameterValue', `One or more parameters are invalid. Reason: ${reason}`);

const unsupported = (what: string) => z.undefined(`${what} are not supported by this emulator`).optional();

/** ASCII letters, digits and punctuation. */
const tokenSchema = z.string().regex(/^[!-~]{1,128}$/, 'Must be 1 to 128 letters, digits or punctuation characters');

/** Fields of a message, sent alone or in a batch. */
export const messageFields = {
  MessageBody: z.string().min(1),
  DelaySeconds: z.int().min(0).max(900).optional(),
  MessageGroupId: tokenSchema.optional(),
  MessageDeduplicationId: tokenSchema.optional(),
  MessageAttributes: unsupported('Attributes of messages'),
  MessageSystemAttributes: unsupported('System attributes of senders'),
};
type MessageFields = z.infer<z.ZodObject<typeof messageFields>>;

/** Matches a character that is not allowed in a message. XML characters are allowed; a lone surrogate is not. */
const forbiddenCharacter = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;

/** Validates a message for a queue. Throws a ServiceError if the queue would reject it. */
export function toNewMessage({ spec }: SqsQueue, fields: MessageFields, senderId: string): NewMessage {
  const { MessageBody: body, MessageGroupId: groupId, MessageDeduplicationId, DelaySeconds: delay } = fields;
  if (Buffer.byteLength(body) > spec.MaximumMessageSize) {
    throw invalidParameter(`Message must be shorter than ${spec.MaximumMessageSize} bytes.`);
  }
  if (forbiddenCharacter.test(body)) {
    throw new ServiceError('InvalidMessageContents', 'The message contains characters outside the allowed set.');
  }
  if (!spec.FifoQueue) {
    if (MessageDeduplicationId !== undefined)
      throw invalidParameter('MessageDeduplicationId is valid only for FIFO queues.');
    return { body, groupId, deduplicationId: undefined, senderId, delay };
  }
  if (groupId === undefined) {
    throw new ServiceError('MissingParameter', 'The request must contain the parameter MessageGroupId.');
  }
  if (delay !== undefined)
    throw invalidParameter('The request include parameter that is not valid for this queue type.');
  const ofContent = spec.ContentBasedDeduplication ? createHash('sha256').update(body).digest('hex') : undefined;
  const deduplicationId = MessageDeduplicationId ?? ofContent;
  if (deduplicationId === undefined) {
    throw invalidParameter(
      'The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided.',
    );
  }
  return { body, groupId, deduplicationId, senderId, delay };
}

const entrySchema = z.looseObject({ Id: z.string() });
export type BatchEntry = z.infer<typeof entrySchema>;

/**
 * The entries of a batch; only their IDs are checked. Throws a ServiceError for an error that rejects the whole batch.
 */
export function parseBatchEntries(entries: unknown): BatchEntry[] {
  const found = parseInput(z.array(entrySchema).default([]), entries);
  const ids = found.map(({ Id }) => Id);
  if (found.length === 0) throw batchError('EmptyBatchRequest', 'There should be at least one entry in the request.');
  if (found.length > maxEntries) {
    throw batchError('TooManyEntriesInBatchRequest', `Maximum number of entries per request are ${maxEntries}.`);
  }
  if (!ids.every((id) => /^[\w-]{1,80}$/.test(id))) {
    throw batchError(
      'InvalidBatchEntryId',
      'An Id can have only letters, digits, hyphens and underscores, at most 80.',
    );
  }
  if (new Set(ids).size !== ids.length) throw batchError('BatchEntryIdsNotDistinct', 'Two entries have the same Id.');
  const size = found.reduce((sum, { MessageBody }) => sum + Buffer.byteLength(String(MessageBody ?? '')), 0);
  if (size > maxMessageBytes) {
    throw batchError('BatchRequestTooLong', `Batch requests cannot be longer than ${maxMessageBytes} bytes.`);
  }
  return found;
}

const batchError = (type: string, message: string) => new ServiceError(type, message);

/** Error codes of the older query protocol of SQS, which clients still use (`x-amzn-query-error`). */
export const queryErrorCode = (type: string): string =>
  type === 'QueueDoesNotExist'
    ? 'AWS.SimpleQueueService.NonExistentQueue'
    : prefixedErrorTypes.has(type)
      ? `AWS.SimpleQueueService.${type}`
      : type.replace(/Exception$/, '');

const prefixedErrorTypes: ReadonlySet<string> = new Set([
  'BatchEntryIdsNotDistinct',
  'BatchRequestTooLong',
  'EmptyBatchRequest',
  'InvalidBatchEntryId',
  'MessageNotInflight',
  'PurgeQueueInProgress',
  'TooManyEntriesInBatchRequest',
]);
