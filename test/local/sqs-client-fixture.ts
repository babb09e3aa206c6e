/** Starts only the SQS emulator, with a client of the AWS SDK. */
import { SQSClient } from '@aws-sdk/client-sqs';
import { expect } from 'vitest';
import type { QueueSpec } from '../../local/aws/cloudformation/deployment-spec.ts';
import { queueSchema } from '../../local/aws/cloudformation/sqs-resource-schemas.ts';
import { CallLog, type EngineHooks } from '../../local/aws/endpoint/engine-hooks.ts';
import { type CallInterception, startSignedServiceServer } from '../../local/aws/endpoint/signed-service-server.ts';
import { CredentialStore, type Principal } from '../../local/aws/iam/credential-store.ts';
import { arn, iamArn } from '../../local/aws/shared/aws-account.ts';
import { createSqsEngine, type SqsEngine } from '../../local/aws/sqs/sqs-engine.ts';

export const principal: Principal = { name: 'Worker', arn: iamArn('role/Worker'), tags: {} };

/** A queue spec as read from a template. `deadLetters` has the dead-letter queue and the maximum number of receives. */
export const queueSpec = (
  queueName: string,
  properties: Record<string, unknown> = {},
  deadLetters?: readonly [string, number],
): QueueSpec => ({
  ...queueSchema.parse({ FifoQueue: queueName.endsWith('.fifo') || undefined, ...properties }),
  logicalId: queueName.replace('.fifo', ''),
  queueName,
  queueArn: arn('sqs', queueName),
  deadLetters: deadLetters && { queueName: deadLetters[0], afterReceives: deadLetters[1] },
  statements: [],
});

export interface SqsFixture {
  readonly sqs: SqsEngine;
  readonly client: SQSClient;
  readonly watched: CallInterception;
  readonly url: string;
  /** URL of a queue. */
  of(name: string): string;
  hooks: EngineHooks;
  /** Offset from the system time in milliseconds. */
  ahead: number;
  close(): Promise<void>;
}

export async function startSqsFixture(
  queues: readonly QueueSpec[],
  { folder = null, timeScale = 1 }: { folder?: string | null; timeScale?: number } = {},
): Promise<SqsFixture> {
  const state = { hooks: {} as EngineHooks, ahead: 0 };
  const watched: CallInterception = {
    calls: new CallLog(),
    hooks: () => state.hooks,
    onError: (message) => expect.fail(message),
  };
  const credentials = new CredentialStore();
  const sqs = createSqsEngine({
    folder,
    queues,
    origin: () => front.url,
    timeScale,
    now: () => new Date(Date.now() + state.ahead),
  });
  const front = await startSignedServiceServer({ ...watched, engines: [sqs], credentials });
  const client = new SQSClient({
    region: 'us-east-1',
    endpoint: front.url,
    credentials: credentials.issue(principal),
    maxAttempts: 1,
  });
  return Object.assign(state, {
    sqs,
    client,
    watched,
    url: front.url,
    of: (name: string) => `${front.url}/000000000000/${name}`,
    async close() {
      client.destroy();
      sqs.close();
      await front.close();
    },
  });
}
