/** Which failures are retried, and after which delay (AWS SDK, `service-error-classification`). */
import type { ServiceError } from './service-error.ts';

const throttlingNames = new Set([
  'BandwidthLimitExceeded',
  'EC2ThrottledException',
  'LimitExceededException',
  'PriorRequestNotComplete',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'SlowDown',
  'ThrottledException',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  'TransactionInProgressException',
]);

const transientNames = new Set([
  'RequestTimeout',
  'RequestTimeoutException',
  // A write met a transaction or a replicated write on the same item. Those end within milliseconds.
  'ReplicatedWriteConflictException',
  'TransactionConflictException',
]);

const transientStatuses = new Set([500, 502, 503, 504]);

/** Expired credentials. Sessions end while a call is on its way, or the machine was suspended. */
const expiredNames = new Set(['ExpiredToken', 'ExpiredTokenException']);

export const isExpiredCredentials = ({ name }: ServiceError): boolean => expiredNames.has(name);

/** Upper limit of the first delay by kind, milliseconds. It doubles with each attempt. */
const baseDelayMs = { transient: 50, throttling: 500 } as const;
const maxDelayMs = 5000;

type RetryKind = keyof typeof baseDelayMs;

/** The kind of a failure that a retry can remedy; undefined for all others. */
export function retryKindOf({ name, $metadata }: ServiceError): RetryKind | undefined {
  const { httpStatusCode: status } = $metadata;
  // Throttling has the status 400 in the JSON protocol.
  if (status === 429 || throttlingNames.has(name)) return 'throttling';
  // Without a status there was no complete response.
  return status === undefined || transientStatuses.has(status) || transientNames.has(name) ? 'transient' : undefined;
}

/**
 * "Full jitter": a random delay below the limit, so that clients that failed together do not return together.
 * @param attempt number of attempts so far
 */
export const retryDelayMs = (kind: RetryKind, attempt: number): number =>
  Math.random() * Math.min(maxDelayMs, baseDelayMs[kind] * 2 ** (attempt - 1));
