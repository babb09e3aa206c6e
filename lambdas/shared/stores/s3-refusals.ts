import { mapTransientErrors } from './aws-error-mapping.ts';

/** An error response of S3, from either client of lambdas/aws. */
export interface S3Refusal extends Error {
  readonly $metadata: { readonly httpStatusCode?: number | undefined };
}

const isS3Refusal = (error: unknown): error is S3Refusal => error instanceof Error && '$metadata' in error;

/** The status of an error response of S3; undefined for other errors. */
export const s3StatusOf = (error: unknown): number | undefined =>
  isS3Refusal(error) ? error.$metadata.httpStatusCode : undefined;

/**
 * Runs a call. Returns undefined if S3 refuses it with an expected error; other errors are mapped as by
 * {@link mapTransientErrors}.
 */
export async function undefinedIfRefused<T>(
  isExpectedRefusal: (error: S3Refusal) => boolean,
  detail: string,
  call: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await mapTransientErrors(detail, call);
  } catch (error) {
    if (isS3Refusal(error) && isExpectedRefusal(error)) return undefined;
    throw error;
  }
}

/** Whether S3 refused a call with one of these statuses. */
export const hasStatus = (error: S3Refusal, ...statuses: readonly number[]): boolean =>
  statuses.includes(error.$metadata.httpStatusCode ?? 0);
