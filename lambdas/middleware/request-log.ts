import type { ErrorCode } from '../../contract/shared/error-codes.ts';
import { type FailedDependency, VaultError } from '../../contract/shared/vault-error.ts';
import type { IdentityRefusalReason } from '../shared/identity-refusal-reason.ts';

/** The complete content of a log entry. The event itself never becomes part of it. */
export interface RequestLogEntry {
  readonly requestId: string;
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  readonly code?: ErrorCode | undefined;
  readonly org?: string | undefined;
  /** As AuditActor.principal (request-state.ts). */
  readonly principal?: string | undefined;
  /**
   * For messages and jobs: why processing ended early. For logins: why the identity was refused. For the sealer: the locked bucket has objects that the vault did
   * not create.
   */
  readonly reason?:
    | 'audit_head_conflict'
    | 'sender_unverified'
    | 'sender_unsupported'
    | 'message_unsupported'
    | 'automatic_message'
    | 'edited_message'
    | 'answers_limited'
    | 'carrier_keyword'
    | 'damaged'
    | 'org_shut'
    | 'user_deleted'
    | 'outdated'
    | 'undeleted'
    | 'channel_unset'
    | 'provider_refused'
    | 'unanswered'
    | 'replay_mismatch'
    | IdentityRefusalReason
    | undefined;
  /** Number of tripwires that the request read or used. An alarm counts this field. */
  readonly tripwires?: number | undefined;
  /** For jobs: the job's ID and the number of this attempt. */
  readonly job?: string | undefined;
  readonly attempt?: number | undefined;
  /** For workflows: the ARN of the execution, which contains the function version. */
  readonly execution?: string | undefined;
  /** The dependency that caused the failure. Alarms count this field (lib/operations/log-metrics.ts). */
  readonly failedDependency?: FailedDependency | undefined;
  /** For the sealer: age of the oldest period whose records may be unsealed. An alarm watches this field. */
  readonly sealLagSeconds?: number | undefined;
  /** For unexpected errors: class and stack, never the message, which may contain data. */
  readonly fault?: string | undefined;
}

export type WriteRequestLog = (entry: RequestLogEntry) => void;

/**
 * Writes one line of JSON per request. Lambda stores a line on the standard output as it is, and filters it by `level`
 * and dates it by `timestamp`. `console.info` would move the fields into `message`, where metric filters on `$.code` or
 * `$.reason` do not find them.
 * https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
 */
export function createRequestLog(
  stage: string,
  writeLine: (line: string) => void = (line) => process.stdout.write(line),
): WriteRequestLog {
  return (entry) => writeLine(`${JSON.stringify(toLogFields(stage, entry))}\n`);
}

/** Fields are named one by one, so that an object with more fields than its type adds none. */
const toLogFields = (stage: string, entry: RequestLogEntry) => ({
  level: entry.fault === undefined ? 'INFO' : 'ERROR',
  timestamp: new Date().toISOString(),
  stage,
  requestId: entry.requestId,
  route: entry.route,
  status: entry.status,
  durationMs: entry.durationMs,
  org: entry.org,
  principal: entry.principal,
  code: entry.code,
  reason: entry.reason,
  tripwires: entry.tripwires,
  job: entry.job,
  attempt: entry.attempt,
  execution: entry.execution,
  failedDependency: entry.failedDependency,
  sealLagSeconds: entry.sealLagSeconds,
  fault: entry.fault,
});

/** Class and stack of an unexpected error, without its message. */
export function describeFault(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const frames = (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim());
  return [error.name, ...frames.slice(0, 12)].join(' | ');
}

/** The log field with the dependency that caused an error, if the error names one. */
export const failedDependencyOf = (error: unknown): { failedDependency?: FailedDependency } =>
  error instanceof VaultError && error.failedDependency !== undefined
    ? { failedDependency: error.failedDependency }
    : {};
