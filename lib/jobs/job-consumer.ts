import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { VaultFunction } from '../shared/vault-function.ts';
import type { JobQueue } from './job-queue.ts';

/** Default maximum number of concurrent workers. Limits the cost and the share of the account's KMS quota. */
const defaultConcurrency = 50;

/** Makes a function the consumer of the queue, with one job per invocation. Only failed jobs are redelivered. */
export class JobConsumer extends Construct {
  /**
   * @param concurrency the reserved concurrency of the worker. With more, Lambda would throttle workers, and each
   *   throttled delivery counts as an attempt
   */
  constructor(scope: Construct, id: string, queue: JobQueue, worker: VaultFunction, concurrency = defaultConcurrency) {
    super(scope, id);
    queue.grantConsume(worker);
    const mapping = new EventSourceMapping(this, 'Mapping', {
      target: worker.target,
      eventSourceArn: queue.arn,
      batchSize: 1,
      reportBatchItemFailures: true,
      maxConcurrency: concurrency,
    });
    // Lambda rejects an event source mapping if the function does not have permission to read the queue yet.
    mapping.node.addDependency(worker.role);
  }
}
