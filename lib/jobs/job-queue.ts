import { Duration, Validations } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { DeduplicationScope, FifoThroughputLimit, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { functionEnv, jobRetentionSeconds, workerTimeoutSeconds } from '../../contract/shared/environment-variables.ts';
import { statefulRemoval } from '../shared/stateful-removal.ts';
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

/**
 * Encrypted jobs for the worker (docs/format.md, section 13). The jobs of a sender are processed in order, one at a
 * time. A job with the same ID within five minutes is a duplicate.
 *
 * There is no dead-letter queue, because it would keep messages for weeks without being able to answer them. The worker
 * drops a job after a few attempts, which unblocks the later jobs of the sender.
 */
export class JobQueue extends Construct {
  readonly arn: string;
  /** Name of the queue, for metrics. */
  readonly name: string;
  private readonly queue: Queue;

  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id);
    this.queue = new Queue(this, 'Queue', {
      ...(name !== undefined && { queueName: name }),
      fifo: true,
      contentBasedDeduplication: false,
      deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
      fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
      visibilityTimeout: visibility,
      retentionPeriod: retention,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      removalPolicy: statefulRemoval,
    });
    this.arn = this.queue.queueArn;
    this.name = this.queue.queueName;
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

  /** Receives, deletes and counts jobs. */
  grantConsume(fn: VaultFunction): void {
    const actions = ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'];
    fn.allow(new PolicyStatement({ actions, resources: [this.queue.queueArn] }));
  }
}
