import { VaultError } from '../../../contract/shared/vault-error.ts';

const throttled = new Set([
  'ThrottlingException',
  // STS leaves the ending away.
  'Throttling',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'LimitExceededException',
  'TransactionInProgressException',
  'TimeoutError',
  'AbortError',
]);

interface AwsFailure extends Error {
  readonly $fault?: 'client' | 'server';
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Whether a failure is of the kind that passes: throttling, an error of the service, or no answer at all. */
function passes(error: AwsFailure): boolean {
  const status = error.$metadata?.httpStatusCode;
  // No status: the connection broke or was never made.
  return throttled.has(error.name) || error.$fault === 'server' || status === undefined || status >= 500;
}

/** Runs a call; a failure that passes becomes `unavailable`, any other stays what it is. */
export async function orUnavailable<T>(detail: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Error && !(error instanceof VaultError) && passes(error)) {
      throw new VaultError('unavailable', { detail });
    }
    throw error;
  }
}

/** Detail of a read that failed: it changed nothing. */
export const notRead = 'Nothing was read or changed.';
/** Detail of a write that failed: its outcome is unknown, and repeating it is safe. The second is of requests that have a writeId. */
export const storedOrNot = 'Whether it was stored is not known. Send the same request again.';
export const unknownOutcome =
  'Whether it was stored is not known. Send the same request again, with the same writeId if it has one.';
