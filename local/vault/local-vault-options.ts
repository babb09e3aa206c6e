/** What a local vault is told, and what it offers. */

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
  /** A cloud assembly that exists; else the app of this project is synthesized. */
  readonly assembly?: string | undefined;
  /** Settings of the app that is synthesized (lib/shared/deployment-settings.ts), over those of cdk.json. */
  readonly context?: Readonly<Record<string, string>> | undefined;
  /** 0 takes any free port. Default: the contract's `localPort`. */
  readonly port?: number | undefined;
  /** Of the page that opens links, and of the object store. Default: any free ones if `port` is given, else the contract's. */
  readonly pagePort?: number | undefined;
  readonly objectPort?: number | undefined;
  /** Folder of all data, `.anima` unless told. */
  readonly dataDir?: string | undefined;
  /** Keep nothing: no folder is made and everything ends with the vault. */
  readonly memory?: boolean | undefined;
  readonly hooks?: LocalHooks | undefined;
  /** Most environments of one function at once. */
  readonly functionConcurrency?: number | undefined;
  /** Of all functions together: how many environments are kept, and for how long. */
  readonly environments?: PoolOptions | undefined;
  /** What a second takes of a durable function's wait, or of a queue's delay or visibility timeout, in seconds; 1 unless told. */
  readonly timeScale?: number | undefined;
  readonly onProgress?: ((message: string) => void) | undefined;
  /** With connections that stall. */
  readonly timeouts?: Partial<ConnectionTimeouts> | undefined;
  /** Ends a synthesis that is under way. */
  readonly signal?: AbortSignal | undefined;
}

export interface LocalVault {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** `http://127.0.0.1:<port>`, where the page that opens links is. */
  readonly pageUrl: string;
  readonly org: string;
  readonly adminKey: string;
  readonly agentKey: string;
  /** Absolute; null with `memory`. */
  readonly dataDir: string | null;
  /** May call the IAM-signed routes (service `execute-api`). New at each start. */
  readonly operator: Credentials & { readonly region: string };
  /** The engines' addresses, for AWS SDK clients with `credentials`. */
  readonly endpoints: { readonly dynamodb: string; readonly kms: string; readonly s3: string; readonly sqs: string };
  /** For direct access to the engines, as the principal `local`. */
  readonly credentials: Credentials;
  /** The template's policies, every name in them resolved, for tests that enforce them by the `authorize` hook. */
  readonly policies: Policies;
  /** Where functions find the APIs of Twilio, WhatsApp, Slack, Mailgun and SendGrid. */
  readonly providerApisUrl: string;
  /** Physical names of tables, buckets and functions, key ids, and URLs of queues, by logical id. */
  readonly resources: Readonly<Record<string, string>>;
  readonly calls: CallLog;
  /** Copies of tables that the engines are to report; none unless told, but for point-in-time recovery as the template has it. */
  readonly tableBackups: TableBackups;
  /** Applies the buckets' lifecycle rules as of that time; what was removed, by bucket. */
  applyBucketLifecycles(now: Date): Readonly<Record<string, LifecycleResult>>;
  /** Resolves when no queue that invokes a function has a message, waiting or in flight. Rejects when the vault is closed. */
  whenQueuesEmpty(): Promise<void>;
  /** What the functions sent to providers: the latest thousand, oldest first. */
  providerRequests(): readonly ProviderRequest[];
  /** The latest requests to the page and, through it, to the routes of links. */
  pageLog(): readonly DistributionRequest[];
  /** Everything the functions and the gateway wrote. */
  logs(): string;
  /** Takes down an error that belongs to no call, by its type and place. */
  reportError(error: unknown): void;
  /** Replaces the hooks; without an argument there are none. */
  setHooks(hooks?: LocalHooks): void;
  close(): Promise<void>;
}
