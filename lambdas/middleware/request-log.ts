import { Logger } from '@aws-lambda-powertools/logger';
import type { ErrorCode } from '../../contract/shared/error-codes.ts';

/** All that a request may leave in the log. Fields are named here, one by one: an event never reaches the logger. */
export interface RequestLogEntry {
  readonly requestId: string;
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  readonly code?: ErrorCode | undefined;
  readonly org?: string | undefined;
  /** As of call.ts, `Actor`. */
  readonly principal?: string | undefined;
  /** Of messages: why one went no further than it did. */
  readonly reason?:
    | 'sender_unverified'
    | 'damaged'
    | 'org_shut'
    | 'user_deleted'
    | 'outdated'
    | 'undeleted'
    | 'channel_unset'
    | 'provider_refused'
    | 'unanswered'
    | undefined;
  /** Of a job: its id, and which try of it this is. */
  readonly job?: string | undefined;
  readonly attempt?: number | undefined;
  /** For what the vault did not foresee: class and places, never the message, which may quote data. */
  readonly fault?: string | undefined;
}

export type WriteRequestLog = (entry: RequestLogEntry) => void;

/** One structured line for each request. */
export function createRequestLog(stage: string): WriteRequestLog {
  const logger = new Logger({ serviceName: 'anima-vault', persistentKeys: { stage } });
  return (entry) =>
    entry.fault === undefined ? logger.info('request', { ...entry }) : logger.error('request', { ...entry });
}

/** Class and stack of an unforeseen error without its message. */
export function describeFault(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const frames = (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim());
  return [error.name, ...frames.slice(0, 12)].join(' | ');
}
