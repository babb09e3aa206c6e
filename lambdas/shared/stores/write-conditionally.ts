import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { mapTransientErrors, valueWriteOutcomeUnknownDetail } from './aws-error-mapping.ts';

/** Runs a conditional write: false when its condition did not hold, and then nothing was changed by it. */
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
