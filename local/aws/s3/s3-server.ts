/**
 * S3 on one machine: the REST protocol in path style, with every check of AWS that this project leans on, and objects
 * in files. It has a server of its own, since browsers are to find it under another origin than the API, as at AWS.
 *
 * Its address is one of digits: the AWS SDK then uses path style by itself, whereas `<bucket>.localhost` resolves on some
 * machines only.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BucketRules } from '../cloudformation/resource-schemas.ts';
import type { CallLog, EngineHooks } from '../endpoint/engine-hooks.ts';
import type { CredentialStore } from '../iam/credential-store.ts';
import { closeServer, listenOnLoopback } from '../shared/loopback-server.ts';
import { applyLifecycleRules, type LifecycleResult } from './lifecycle.ts';
import { BucketStore } from './object-store.ts';
import { createS3Listener } from './request-handler.ts';

export interface S3ServerOptions {
  /** Of all buckets; null keeps them in a temporary folder until the end. */
  readonly folder: string | null;
  readonly buckets: readonly BucketRules[];
  /** Any free one unless told. */
  readonly port?: number;
  readonly credentials: CredentialStore;
  readonly calls: CallLog;
  /** Asked at each call, so that hooks can change while it runs. */
  readonly hooks: () => EngineHooks;
  /** Told of what went wrong in the engine, other than what S3 refuses. */
  readonly onError: (message: string) => void;
  readonly now?: () => Date;
}

export interface S3Server {
  /** `http://127.0.0.1:<port>`; a bucket is at `/<bucket>`. */
  readonly url: string;
  /** Applies the lifecycle rules of all buckets as of that time; what was removed, by bucket. */
  applyLifecycle(now: Date): Readonly<Record<string, LifecycleResult>>;
  close(): Promise<void>;
}

const lifecycleIntervalMs = 3600_000;

/** Throws a LocalError when a record in the folder is damaged. */
export async function startS3Server(options: S3ServerOptions): Promise<S3Server> {
  const now = options.now ?? (() => new Date());
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'local-s3-'));
  const remove = () => {
    if (options.folder === null) rmSync(folder, { recursive: true, force: true });
  };
  const buckets = options.buckets.map((rules) => ({
    rules,
    store: new BucketStore(rules.bucketName, join(folder, rules.bucketName)),
  }));
  const sweep = (at: Date) =>
    Object.fromEntries(
      buckets.map(({ store, rules }) => [store.name, applyLifecycleRules(store, rules.lifecycleRules, at)] as const),
    );
  sweep(now());
  const byName = new Map(buckets.map((bucket) => [bucket.store.name, bucket]));
  const { server, port } = await listenOnLoopback(
    createS3Listener({ ...options, buckets: byName, now }),
    options.port ?? 0,
    '--object-port',
  ).catch((error: unknown) => {
    remove();
    throw error;
  });
  const timer = setInterval(() => sweep(now()), lifecycleIntervalMs).unref();
  // Five gibibytes take longer than the five minutes that Node gives a request.
  server.requestTimeout = 0;
  return {
    url: `http://127.0.0.1:${port}`,
    applyLifecycle: sweep,
    async close() {
      clearInterval(timer);
      await closeServer(server);
      remove();
    },
  };
}
