import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { mapTransientErrors, valueWriteOutcomeUnknownDetail } from './aws-error-mapping.ts';

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
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
