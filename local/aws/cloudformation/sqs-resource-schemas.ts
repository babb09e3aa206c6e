/**
 * Queues and event source mappings, with every accepted property (see resource-schemas.ts).
 * Source: AWS CloudFormation template reference, AWS::SQS::Queue and AWS::Lambda::EventSourceMapping; SQS developer
 * guide, "Amazon SQS message quotas" (limits).
 */
import { z } from 'zod';

const ignoredProperty = z.unknown().optional();

/** Maximum size of a message body in bytes. */
export const maxMessageBytes = 1_048_576;

export const queueSchema = z
  .strictObject({
    FifoQueue: z.boolean().default(false),
    ContentBasedDeduplication: z.boolean().default(false),
    DeduplicationScope: z.enum(['messageGroup', 'queue']).default('queue'),
    FifoThroughputLimit: z.enum(['perMessageGroupId', 'perQueue']).default('perQueue'),
    VisibilityTimeout: z.int().min(0).max(43_200).default(30),
    MessageRetentionPeriod: z.int().min(60).max(1_209_600).default(345_600),
    DelaySeconds: z.int().min(0).max(900).default(0),
    MaximumMessageSize: z.int().min(1024).max(maxMessageBytes).default(maxMessageBytes),
    ReceiveMessageWaitTimeSeconds: z.int().min(0).max(20).default(0),
    RedrivePolicy: z
      .strictObject({ deadLetterTargetArn: z.string(), maxReceiveCount: z.coerce.number().int().min(1).max(1000) })
      .optional(),
    // CloudFormation checks this only when a queue is connected to its dead-letter queue.
    RedriveAllowPolicy: ignoredProperty,
    // Messages are stored unencrypted in the data folder, like all other data that AWS encrypts at rest.
    SqsManagedSseEnabled: ignoredProperty,
    KmsMasterKeyId: ignoredProperty,
    KmsDataKeyReusePeriodSeconds: ignoredProperty,
    QueueName: ignoredProperty,
  })
  .refine(
    ({ FifoQueue, ContentBasedDeduplication, DeduplicationScope, FifoThroughputLimit }) =>
      FifoQueue || (!ContentBasedDeduplication && DeduplicationScope === 'queue' && FifoThroughputLimit === 'perQueue'),
    'SQS accepts FIFO settings only for FIFO queues',
  )
  .refine(
    ({ DeduplicationScope, FifoThroughputLimit }) =>
      FifoThroughputLimit === 'perQueue' || DeduplicationScope === 'messageGroup',
    'SQS accepts the limit perMessageGroupId only with the scope messageGroup',
  );

export const queuePolicySchema = z.strictObject({
  Queues: z.array(z.string()),
  PolicyDocument: z.object({ Statement: z.array(z.unknown()) }),
});

export const eventSourceSchema = z.strictObject({
  EventSourceArn: z.string().regex(/^arn:[^:]+:sqs:/, 'this emulator supports only queues as event sources'),
  FunctionName: z.string(),
  BatchSize: z.int().min(1).max(10, 'this emulator supports batches of at most 10 messages').default(10),
  Enabled: z.boolean().default(true),
  FunctionResponseTypes: z.array(z.literal('ReportBatchItemFailures')).default([]),
  ScalingConfig: z.strictObject({ MaximumConcurrency: z.int().min(2).max(1000) }).optional(),
  MaximumBatchingWindowInSeconds: z.literal(0).optional(),
});
