import { VaultError } from '../../../contract/shared/vault-error.ts';

const transientErrorNames = new Set([
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

interface AwsServiceError extends Error {
  readonly $fault?: 'client' | 'server';
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Whether a failure is of the kind that passes: throttling, an error of the service, or no answer at all. */
function isTransient(error: AwsServiceError): boolean {
  const status = error.$metadata?.httpStatusCode;
  // No status: the connection broke or was never made.
  return transientErrorNames.has(error.name) || error.$fault === 'server' || status === undefined || status >= 500;
}

/** Runs a call; a failure that passes becomes `unavailable`, any other stays what it is. */
export async function mapTransientErrors<T>(detail: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Error && !(error instanceof VaultError) && isTransient(error)) {
      throw new VaultError('unavailable', { detail });
    }
    throw error;
  }
}

/** Detail of a read that failed: it changed nothing. */
export const nothingReadDetail = 'Nothing was read or changed.';
/** Detail of a write that failed: its outcome is unknown, and repeating it is safe. The second is of requests that have a writeId. */
export const writeOutcomeUnknownDetail = 'Whether it was stored is not known. Send the same request again.';
export const valueWriteOutcomeUnknownDetail =
  'Whether it was stored is not known. Send the same request again, with the same writeId if it has one.';
