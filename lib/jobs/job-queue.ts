import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { DeduplicationScope, FifoThroughputLimit, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { functionEnv, jobRetentionSeconds, workerTimeoutSeconds } from '../../contract/shared/environment-variables.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Six times the timeout of the worker, so that a message is not redelivered while it is processed. Source: Lambda
 * developer guide, "Creating and configuring an Amazon SQS event source mapping".
 */
const visibility = Duration.seconds(6 * workerTimeoutSeconds);

/**
 * A principal with access to the queue, the job wrapping key and the custody key can decrypt waiting messages without
 * the sender, so retention is short. It covers the three attempts of a job and an outage that on-call staff resolves.
 * After that, the message is lost, and its sender receives no answer. The worker sends deletions again before they
 * expire.
 */
const retention = Duration.seconds(jobRetentionSeconds);

/** Default maximum number of concurrent workers. Limits the cost and the share of the account's KMS quota. */
const defaultConcurrency = 50;

/**
 * Encrypted jobs for the worker (docs/format.md, section 13). The jobs of a sender are processed in order, one at a
 * time. A job with the same ID within five minutes is a duplicate.
 *
 * There is no dead-letter queue, because it would keep messages for weeks without being able to answer them. The worker
 * drops a job after a few attempts, which unblocks the later jobs of the sender.
 */
export class JobQueue extends Construct {
  /** Name of the queue, for metrics. */
  get name(): string {
    return this.queue.queueName;
  }
  private readonly queue: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.queue = new Queue(this, 'Queue', {
      fifo: true,
      contentBasedDeduplication: false,
      deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
      fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
      visibilityTimeout: visibility,
      retentionPeriod: retention,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      // Messages are kept only for a few hours.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(this.queue).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'A dead-letter queue would keep messages of users for weeks. The worker drops failed jobs itself.',
    });
  }

  /**
   * Allows a function to send jobs and sets its queue URL. Uses the function's own role, because all orgs share the
   * queue.
   */
  grantSend(fn: VaultFunction): void {
    fn.allow(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [this.queue.queueArn] }));
    fn.set(functionEnv.jobQueueUrl, this.queue.queueUrl);
  }

  /**
   * Makes a function the consumer of the queue, with one job per invocation. Only failed jobs are redelivered.
   * @param concurrency the function's reserved concurrency. With more workers, Lambda would throttle them, and each
   *   throttled delivery counts as an attempt
   */
  consumeBy(fn: VaultFunction, concurrency = defaultConcurrency): void {
    const actions = ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'];
    fn.allow(new PolicyStatement({ actions, resources: [this.queue.queueArn] }));
    const mapping = new EventSourceMapping(this, 'Worker', {
      target: fn.lambda,
      eventSourceArn: this.queue.queueArn,
      batchSize: 1,
      reportBatchItemFailures: true,
      maxConcurrency: concurrency,
    });
    // Lambda rejects an event source mapping if the function does not have permission to read the queue yet.
    mapping.node.addDependency(fn.role);
  }
}
