import { VaultError } from '../../../contract/shared/vault-error.ts';

const throttlingErrorNames: ReadonlySet<string> = new Set([
  'ThrottlingException',
  // STS uses the name without the suffix.
  'Throttling',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'LimitExceededException',
]);
const transientErrorNames: ReadonlySet<string> = new Set([
  ...throttlingErrorNames,
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

/** Whether the service refused a call because of its rate. */
export const isThrottling = (error: unknown): boolean => error instanceof Error && throttlingErrorNames.has(error.name);

/** Whether a failure is transient: throttling, a server error, or no response. */
export function isTransient(error: unknown): boolean {
  return error instanceof Error && !(error instanceof VaultError) && isTransientServiceError(error);
}

function isTransientServiceError(error: AwsServiceError): boolean {
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
    throw isTransient(error) ? new VaultError('unavailable', { detail }) : error;
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
