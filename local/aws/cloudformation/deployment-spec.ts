/** What a template asks of the local engines: every name, ARN and setting resolved. */

import type { DistributionSpec } from './distribution-spec.ts';
import type { BucketRules } from './resource-schemas.ts';
import type { Resource } from './template-resources.ts';

export interface TableSpec extends Resource<'table'> {
  readonly tableName: string;
}

export interface BucketSpec extends BucketRules {
  readonly logicalId: string;
  /** Statements of its policy. */
  readonly statements: readonly unknown[];
}

export interface QueueSpec extends Resource<'queue'> {
  readonly queueName: string;
  readonly queueArn: string;
  /** Where messages go that were received too often. */
  readonly deadLetters: { readonly queueName: string; readonly afterReceives: number } | undefined;
  /** Statements of its policies. */
  readonly statements: readonly unknown[];
}

export interface FunctionSpec extends Resource<'function'> {
  readonly functionName: string;
  readonly functionArn: string;
  /** Absolute folder of the built bundle. */
  readonly codeFolder: string;
}

export interface KmsKeySpec extends Resource<'kmsKey'> {
  readonly keyId: string;
}

export interface RoleSpec {
  readonly logicalId: string;
  readonly roleArn: string;
  /** Statements of the trust policy. */
  readonly trust: readonly unknown[];
  /** Statements of all policies of the role. */
  readonly statements: readonly unknown[];
}

export interface RouteSpec {
  /** As API Gateway writes it: `GET /v1/org`, `ANY /x/{y+}` or `$default`. */
  readonly routeKey: string;
  readonly requiresIam: boolean;
  readonly function: FunctionSpec;
  /** Milliseconds that the gateway waits for the function. */
  readonly integrationTimeout: number;
}

export interface ScheduleSpec {
  readonly logicalId: string;
  /** Milliseconds between two invocations. */
  readonly everyMs: number;
  readonly targets: readonly FunctionSpec[];
}

/** A queue whose messages invoke a function. */
export interface EventSourceSpec {
  readonly logicalId: string;
  readonly queue: QueueSpec;
  readonly function: FunctionSpec;
  /** Most messages of one invocation. */
  readonly batchSize: number;
  /** Whether the function tells which messages of a batch failed. */
  readonly reportsFailures: boolean;
  /** Most invocations at once. */
  readonly maxConcurrency: number | undefined;
}

export interface Deployment {
  readonly tables: readonly TableSpec[];
  readonly buckets: readonly BucketSpec[];
  readonly queues: readonly QueueSpec[];
  /** Those that are enabled. */
  readonly eventSources: readonly EventSourceSpec[];
  readonly kmsKeys: readonly KmsKeySpec[];
  readonly aliases: readonly Resource<'alias'>[];
  readonly functions: readonly FunctionSpec[];
  readonly roles: readonly RoleSpec[];
  readonly api: Resource<'api'>;
  /** Where the API is at AWS. */
  readonly apiEndpoint: string;
  readonly accessLogFormat: string | undefined;
  readonly routes: readonly RouteSpec[];
  readonly schedules: readonly ScheduleSpec[];
  /** Absent where the template has no distribution. */
  readonly distribution: DistributionSpec | undefined;
}
