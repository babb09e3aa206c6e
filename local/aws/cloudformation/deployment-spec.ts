/** The resources of a template in the form that the engines take, with every name, ARN and setting resolved. */

import type { DistributionSpec } from './distribution-spec.ts';
import type { BucketRules } from './resource-schemas.ts';
import type { SocketApiSpec } from './socket-api-spec.ts';
import type { Resource } from './template-resources.ts';

export interface TableSpec extends Resource<'table'> {
  readonly tableName: string;
}

export interface BucketSpec extends BucketRules {
  readonly logicalId: string;
  /** Statements of the bucket policy. */
  readonly statements: readonly unknown[];
}

export interface QueueSpec extends Resource<'queue'> {
  readonly queueName: string;
  readonly queueArn: string;
  /** The destination of messages that were received `afterReceives` times. */
  readonly deadLetters: { readonly queueName: string; readonly afterReceives: number } | undefined;
  /** Statements of the queue policies. */
  readonly statements: readonly unknown[];
}

/** The code and configuration of one version of a function. */
export interface FunctionSpec extends Resource<'function'> {
  readonly functionName: string;
  /** Without a qualifier. */
  readonly functionArn: string;
  /** `$LATEST`, or the number of a published version. */
  readonly version: string;
  /** Absolute path of the bundle's folder. */
  readonly codeFolder: string;
}

/** The versions that an alias routes to. */
export interface FunctionAliasSpec {
  readonly functionName: string;
  readonly name: string;
  readonly version: string;
  /** Receives this part of the invocations, from 0 to 1; `version` receives the others. */
  readonly additional: { readonly version: string; readonly weight: number } | undefined;
}

/** A function as an event source or another service names it. */
export interface FunctionTarget {
  readonly function: FunctionSpec;
  /** The function's ARN, with a version or alias if the template names one. */
  readonly targetArn: string;
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

export interface RouteSpec extends FunctionTarget {
  /** In the format of API Gateway: `GET /v1/org`, `ANY /x/{y+}` or `$default`. */
  readonly routeKey: string;
  readonly requiresIam: boolean;
  /** How long the gateway waits for the function, in milliseconds. */
  readonly integrationTimeout: number;
}

export interface ScheduleSpec {
  readonly logicalId: string;
  /** Milliseconds between two invocations. */
  readonly everyMs: number;
  readonly targets: readonly FunctionTarget[];
}

/** A queue whose messages invoke a function. */
export interface EventSourceSpec extends FunctionTarget {
  readonly logicalId: string;
  readonly queue: QueueSpec;
  /** Maximum number of messages per invocation. */
  readonly batchSize: number;
  /** Whether the function reports which messages of a batch failed. */
  readonly reportsFailures: boolean;
  /** Maximum number of concurrent invocations. */
  readonly maxConcurrency: number | undefined;
}

export interface Deployment {
  readonly tables: readonly TableSpec[];
  readonly buckets: readonly BucketSpec[];
  readonly queues: readonly QueueSpec[];
  /** Enabled event sources only. */
  readonly eventSources: readonly EventSourceSpec[];
  readonly kmsKeys: readonly KmsKeySpec[];
  readonly aliases: readonly Resource<'alias'>[];
  /** The version `$LATEST` of each function. */
  readonly functions: readonly FunctionSpec[];
  /** The published versions of the template, and those that aliases route to. */
  readonly functionVersions: readonly FunctionSpec[];
  readonly functionAliases: readonly FunctionAliasSpec[];
  readonly roles: readonly RoleSpec[];
  readonly api: Resource<'api'>;
  /** URL of the API on AWS. */
  readonly apiEndpoint: string;
  readonly accessLogFormat: string | undefined;
  readonly routes: readonly RouteSpec[];
  /** The WebSocket API; undefined if the template has none. */
  readonly sockets: SocketApiSpec | undefined;
  readonly schedules: readonly ScheduleSpec[];
  /** Undefined if the template has no distribution. */
  readonly distribution: DistributionSpec | undefined;
}
