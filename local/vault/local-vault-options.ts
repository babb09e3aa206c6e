/** The options and the interface of a local vault. */

import type { Policies } from '../aws/cloudformation/read-deployment.ts';
import type { DistributionRequest } from '../aws/cloudfront/distribution-server.ts';
import type { TableBackups } from '../aws/dynamodb/table-backups.ts';
import type { CallLog } from '../aws/endpoint/engine-hooks.ts';
import type { Credentials } from '../aws/iam/credential-store.ts';
import type { PoolOptions } from '../aws/lambda/environment-pool.ts';
import type { LifecycleResult } from '../aws/s3/lifecycle.ts';
import type { ConnectionTimeouts } from '../aws/shared/loopback-server.ts';
import type { LocalHooks, ProviderRequest } from './provider-emulator.ts';

export interface LocalVaultOptions {
  /** The folder of an existing cloud assembly. By default, the app of this project is synthesized. */
  readonly assembly?: string | undefined;
  /** Settings of the synthesized app (lib/shared/deployment-settings.ts). They override those of cdk.json. */
  readonly context?: Readonly<Record<string, string>> | undefined;
  /** 0 selects a free port. Default: the contract's `localPort`. */
  readonly port?: number | undefined;
  /**
   * Ports of the page that opens links, of the object store and of the WebSocket API. Default: free ports if `port` is
   * set, otherwise the contract's ports.
   */
  readonly pagePort?: number | undefined;
  readonly objectPort?: number | undefined;
  readonly socketPort?: number | undefined;
  /** The folder of all data. Default: `.anima`. */
  readonly dataDir?: string | undefined;
  /** Keep all data in memory. No folder is created, and the data is lost when the vault is closed. */
  readonly memory?: boolean | undefined;
  readonly hooks?: LocalHooks | undefined;
  /** The maximum number of concurrent execution environments per function. */
  readonly functionConcurrency?: number | undefined;
  /** How many execution environments of all functions are kept, how long, and what they run in. */
  readonly environments?: Partial<PoolOptions> | undefined;
  /**
   * Actual duration, in seconds, of each second of a durable function's wait, or of a queue's delay or visibility
   * timeout. Default: 1.
   */
  readonly timeScale?: number | undefined;
  readonly onProgress?: ((message: string) => void) | undefined;
  /** Timeouts for stalled connections. */
  readonly timeouts?: Partial<ConnectionTimeouts> | undefined;
  /** Aborts a running synthesis. */
  readonly signal?: AbortSignal | undefined;
}

/** The WebSocket API. */
export interface LocalSockets {
  /** The URL that clients open: `ws://127.0.0.1:<port>/<stage>`. */
  readonly url: string;
  /** The base URL of the management API of connections: `http://127.0.0.1:<port>/<stage>`. */
  readonly connectionsUrl: string;
  /** IDs of the established connections. */
  connectionIds(): readonly string[];
  /**
   * Moves the clock of the connections forward by milliseconds. Connections that are then idle for 10 minutes, or 2 hours
   * old, are closed at once. Throttling uses this clock too.
   */
  advanceClock(ms: number): void;
}

export interface LocalVault {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** `http://127.0.0.1:<port>` of the page that opens links. */
  readonly pageUrl: string;
  /** Undefined if the template has no WebSocket API. */
  readonly sockets: LocalSockets | undefined;
  readonly org: string;
  readonly adminKey: string;
  readonly agentKey: string;
  /** An absolute path. Null with `memory`. */
  readonly dataDir: string | null;
  /** Credentials for the IAM-signed routes (service `execute-api`). Each start issues new ones. */
  readonly operator: Credentials & { readonly region: string };
  /** The engines' addresses, for AWS SDK clients with `credentials`. */
  readonly endpoints: { readonly dynamodb: string; readonly kms: string; readonly s3: string; readonly sqs: string };
  /** For direct access to the engines, as the principal `local`. */
  readonly credentials: Credentials;
  /** The template's policies with all names resolved, for tests that enforce them with the `authorize` hook. */
  readonly policies: Policies;
  /** The URL of the emulated APIs of Twilio, WhatsApp, Slack, Mailgun and SendGrid. */
  readonly providerApisUrl: string;
  /** Physical names of tables, buckets and functions, key IDs, and URLs of queues, by logical ID. */
  readonly resources: Readonly<Record<string, string>>;
  readonly calls: CallLog;
  /** The table backups that the engines report. By default, only point-in-time recovery as set in the template. */
  readonly tableBackups: TableBackups;
  /** Applies the buckets' lifecycle rules as of the given time. Returns the removed objects by bucket. */
  applyBucketLifecycles(now: Date): Readonly<Record<string, LifecycleResult>>;
  /**
   * Resolves when no queue that invokes a function has a waiting or in-flight message. Rejects if the vault is closed.
   */
  whenQueuesEmpty(): Promise<void>;
  /** The latest thousand requests of functions to providers, oldest first. */
  providerRequests(): readonly ProviderRequest[];
  /** The latest requests to the page, and to the link routes through the page. */
  pageLog(): readonly DistributionRequest[];
  /**
   * Ends one execution environment in the midst of an event, as a failure of its machine does. Resolves to whether one of a
   * function whose logical ID begins so was busy.
   */
  crashBusyEnvironment(logicalId: string): Promise<boolean>;
  /** The log lines of the functions and the gateway. */
  logs(): string;
  /** Logs the type and code location of an error that belongs to no call. */
  reportError(error: unknown): void;
  /** Replaces the hooks. Without an argument, removes them. */
  setHooks(hooks?: LocalHooks): void;
  close(): Promise<void>;
}
