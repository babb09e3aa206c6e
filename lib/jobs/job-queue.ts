import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { DeduplicationScope, FifoThroughputLimit, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { functionEnv, jobRetentionSeconds, workerTimeoutSeconds } from '../../contract/shared/environment-variables.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Six times what one try may take, as the Lambda developer guide has it ("Creating and configuring an Amazon SQS event source
 * mapping"): a message must not come again while it is being handled.
 */
const visibility = Duration.seconds(6 * workerTimeoutSeconds);

/**
 * Whoever has the queue, the transit key and the custody key can open what waits here, without its sender: so nothing waits for
 * long. Enough for the three tries of a job, and for an outage that somebody is called up for; after that the message is lost,
 * which its sender notices as no answer. Deletions are sent again by the worker before.
 */
const retention = Duration.seconds(jobRetentionSeconds);

/** Workers at once: a bound on cost, and on the share of the account's KMS quota. */
const concurrency = 50;

/**
 * Jobs for the worker, sealed (docs/format.md, section 13). In order for each sender, one at a time; a job that comes again within
 * five minutes is the same, by the id that its sender names.
 *
 * There is no dead-letter queue: it would keep for weeks what nobody is there to answer any more. The worker gives up a job by
 * itself after a few tries, and so frees those behind it.
 */
export class JobQueue extends Construct {
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
      // It holds nothing that outlives a few hours.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(this.queue).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'A dead-letter queue would keep messages of users for weeks; the worker gives up jobs itself.',
    });
  }

  /** Lets a function hand jobs to the worker, and tells it the queue. By its own role: the queue is that of all orgs. */
  grantSend(fn: VaultFunction): void {
    fn.allow(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [this.queue.queueArn] }));
    fn.set(functionEnv.jobQueueUrl, this.queue.queueUrl);
  }

  /** Lets a function handle jobs, each in an invocation of its own: what it fails at comes again, and what it did not does not. */
  consumeBy(fn: VaultFunction): void {
    const actions = ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'];
    fn.allow(new PolicyStatement({ actions, resources: [this.queue.queueArn] }));
    const mapping = new EventSourceMapping(this, 'Worker', {
      target: fn.lambda,
      eventSourceArn: this.queue.queueArn,
      batchSize: 1,
      reportBatchItemFailures: true,
      maxConcurrency: concurrency,
    });
    // Lambda refuses a mapping whose function may not read the queue yet.
    mapping.node.addDependency(fn.role);
  }
}
