import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * The events of asynchronous invocations that failed finally: workflows that were not started or ended with an error,
 * and runs of the schedule. Without it, Lambda drops them. The events have names, IDs and times only.
 *
 * It is a dead-letter queue, not an on-failure destination. AWS recommends it for durable functions, whose failed
 * executions are sent to it too (Lambda developer guide, "Best practices for Lambda durable functions"). It is a
 * property of a function, and therefore of each published version, so no version or alias can lack it.
 */
export class FailureQueue extends Construct {
  readonly queue: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.queue = new Queue(this, 'Queue', {
      // The longest time that SQS supports.
      retentionPeriod: Duration.days(14),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    Validations.of(this.queue).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is a dead-letter queue. An alarm reports the first message.',
    });
  }

  /** Sends the events of failed asynchronous invocations of these functions to the queue. */
  catchFailuresOf(functions: readonly VaultFunction[]): void {
    for (const fn of functions) fn.sendFailuresTo(this.queue);
  }
}
