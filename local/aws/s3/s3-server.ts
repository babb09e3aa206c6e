/**
 * An S3 emulator: the REST protocol in path style, with the checks of AWS that this project depends on. Objects are
 * stored in files. It has a separate server, because for browsers its origin must differ from that of the API, as on
 * AWS.
 *
 * The URL has an IP address, so that the AWS SDK selects path style automatically. `<bucket>.localhost` resolves only
 * on some machines.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BucketRules } from '../cloudformation/resource-schemas.ts';
import type { CallLog, EngineHooks } from '../endpoint/engine-hooks.ts';
import type { CredentialStore } from '../iam/credential-store.ts';
import { type ConnectionTimeouts, closeServer, listenOnLoopback } from '../shared/loopback-server.ts';
import { applyLifecycleRules, type LifecycleResult } from './lifecycle.ts';
import { BucketStore } from './object-store.ts';
import { createS3Listener } from './request-handler.ts';

export interface S3ServerOptions {
  /** Folder of all buckets. If null, they are in a temporary folder that is removed at the end. */
  readonly folder: string | null;
  readonly buckets: readonly BucketRules[];
  /** Default: any free port. */
  readonly port?: number;
  readonly credentials: CredentialStore;
  readonly calls: CallLog;
  /** Called for each request, so that the hooks can be replaced while the server runs. */
  readonly hooks: () => EngineHooks;
  /** Receives unexpected errors of the emulator. Rejections by S3 are not reported. */
  readonly onError: (message: string) => void;
  readonly now?: () => Date;
  readonly timeouts?: Partial<ConnectionTimeouts> | undefined;
}

export interface S3Server {
  /** `http://127.0.0.1:<port>`; a bucket is at `/<bucket>`. */
  readonly url: string;
  /** Applies the lifecycle rules of all buckets as of `now`. Returns the removed objects and uploads by bucket. */
  applyLifecycle(now: Date): Readonly<Record<string, LifecycleResult>>;
  close(): Promise<void>;
}

const lifecycleIntervalMs = 3600_000;

/** Throws a LocalError if a record in the folder is damaged. */
export async function startS3Server(options: S3ServerOptions): Promise<S3Server> {
  const now = options.now ?? (() => new Date());
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'local-s3-'));
  const remove = () => {
    if (options.folder === null) rmSync(folder, { recursive: true, force: true });
  };
  const buckets = options.buckets.map((rules) => ({
    rules,
    store: new BucketStore(rules, join(folder, rules.bucketName)),
  }));
  const sweep = (at: Date) =>
    Object.fromEntries(
      buckets.map(({ store, rules }) => [store.name, applyLifecycleRules(store, rules.lifecycleRules, at)] as const),
    );
  sweep(now());
  const byName = new Map(buckets.map((bucket) => [bucket.store.name, bucket]));
  const { server, port } = await listenOnLoopback(createS3Listener({ ...options, buckets: byName, now }), {
    port: options.port ?? 0,
    option: '--object-port',
    // Five gibibytes take longer than any end that could be set; what stalls is closed all the same.
    timeouts: { ...options.timeouts, requestMs: 0 },
  }).catch((error: unknown) => {
    remove();
    throw error;
  });
  const timer = setInterval(() => sweep(now()), lifecycleIntervalMs).unref();
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
