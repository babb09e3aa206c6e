import { VaultError } from '../../../contract/shared/vault-error.ts';

const transientErrorNames = new Set([
  'ThrottlingException',
  // STS uses the name without the suffix.
  'Throttling',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'LimitExceededException',
  'TransactionInProgressException',
  // The item is part of a transaction or of a replicated write, which ends within milliseconds.
  'TransactionConflictException',
  'ReplicatedWriteConflictException',
  'TimeoutError',
  'AbortError',
]);

interface AwsServiceError extends Error {
  readonly $fault?: 'client' | 'server';
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Whether a failure is transient: throttling, a server error, or no response. */
function isTransient(error: AwsServiceError): boolean {
  const status = error.$metadata?.httpStatusCode;
  // Without a status, the connection failed.
  return transientErrorNames.has(error.name) || error.$fault === 'server' || status === undefined || status >= 500;
}

/**
 * Runs a call. A transient failure becomes `unavailable`; other errors are rethrown. @throws VaultError `unavailable`
 */
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

/** Detail of a failed read. */
export const nothingReadDetail = 'Nothing was read or changed.';
/**
 * Details of a failed write: the outcome is unknown, and a retry is safe. The second is for requests that have a
 * writeId.
 */
export const writeOutcomeUnknownDetail = 'The change may or may not have been stored. Send the same request again.';
export const valueWriteOutcomeUnknownDetail =
  'The change may or may not have been stored. Send the same request again, with the same writeId if it has one.';
