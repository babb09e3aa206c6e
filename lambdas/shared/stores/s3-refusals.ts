import { S3ServiceException } from '@aws-sdk/client-s3';
import { mapTransientErrors } from './aws-error-mapping.ts';

/** The status of an error response of S3; undefined for other errors. */
export const s3StatusOf = (error: unknown): number | undefined =>
  error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;

/**
 * Runs a call. Returns undefined if S3 refuses it with an expected error; other errors are mapped as by
 * {@link mapTransientErrors}.
 */
export async function undefinedIfRefused<T>(
  isExpectedRefusal: (error: S3ServiceException) => boolean,
  detail: string,
  call: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await mapTransientErrors(detail, call);
  } catch (error) {
    if (error instanceof S3ServiceException && isExpectedRefusal(error)) return undefined;
    throw error;
  }
}

/** Whether S3 refused a call with one of these statuses. */
export const hasStatus = (error: S3ServiceException, ...statuses: readonly number[]): boolean =>
  statuses.includes(error.$metadata.httpStatusCode ?? 0);
