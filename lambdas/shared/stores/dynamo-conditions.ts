import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { orUnavailable, unknownOutcome } from './aws-error-mapping.ts';

/** Runs a conditional write: false when its condition did not hold, and then nothing was changed by it. */
export async function held(write: () => Promise<unknown>, detail = unknownOutcome): Promise<boolean> {
  try {
    await orUnavailable(detail, write);
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
