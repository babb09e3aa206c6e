import { mapTransientErrors, valueWriteOutcomeUnknownDetail } from './aws-error-mapping.ts';

/** Whether DynamoDB refused a write because its condition failed. */
export const isConditionFailure = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ConditionalCheckFailedException';

/**
 * Runs a conditional write. Returns false if the condition failed; then this call changed nothing.
 * @throws VaultError `unavailable` with the given detail
 */
export async function writeConditionally(
  write: () => Promise<unknown>,
  detail = valueWriteOutcomeUnknownDetail,
): Promise<boolean> {
  try {
    await mapTransientErrors(detail, write);
    return true;
  } catch (error) {
    if (isConditionFailure(error)) return false;
    throw error;
  }
}
