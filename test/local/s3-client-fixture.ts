/** Starts only the S3 emulator, with a client of the AWS SDK. */
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { bucketRules, bucketSchema } from '../../local/aws/cloudformation/resource-schemas.ts';
import { CallLog, type EngineHooks } from '../../local/aws/endpoint/engine-hooks.ts';
import { CredentialStore, type Principal } from '../../local/aws/iam/credential-store.ts';
import { type S3Server, startS3Server } from '../../local/aws/s3/s3-server.ts';
import { iamArn } from '../../local/aws/shared/aws-account.ts';
import type { ConnectionTimeouts } from '../../local/aws/shared/loopback-server.ts';

export const Bucket = 'blobs';
export const principal: Principal = { name: 'Main', arn: iamArn('role/Function'), tags: { org: 'a' } };

export interface S3Fixture {
  readonly s3: S3Server;
  readonly credentials: CredentialStore;
  readonly calls: CallLog;
  /** Unexpected errors that the emulator reported. */
  readonly errors: string[];
  hooks: EngineHooks;
  /** Null selects the system time. */
  now: Date | null;
  /** A client that selects path style automatically from the URL. */
  client(config?: Partial<S3ClientConfig>): S3Client;
  close(): Promise<void>;
}

/** @param rules bucket properties as in a template */
export async function startS3Fixture(
  folder: string | null,
  rules: Record<string, unknown> = {},
  now: Date | null = null,
  timeouts?: Partial<ConnectionTimeouts>,
): Promise<S3Fixture> {
  const bucket = bucketRules(Bucket, bucketSchema.parse(rules));
  const credentials = new CredentialStore();
  const calls = new CallLog();
  const clients: S3Client[] = [];
  const errors: string[] = [];
  const state: Pick<S3Fixture, 'hooks' | 'now'> = { hooks: {}, now };
  const s3 = await startS3Server({
    folder,
    buckets: [bucket],
    credentials,
    calls,
    hooks: () => state.hooks,
    onError: (message) => errors.push(message),
    now: () => state.now ?? new Date(),
    timeouts,
  });
  return Object.assign(state, {
    s3,
    credentials,
    calls,
    errors,
    client(config: Partial<S3ClientConfig> = {}) {
      const client = new S3Client({
        region: 'us-east-1',
        endpoint: s3.url,
        credentials: credentials.issue(principal),
        maxAttempts: 1,
        ...config,
      });
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) client.destroy();
      await s3.close();
    },
  });
}
