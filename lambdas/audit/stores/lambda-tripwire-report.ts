import type { LambdaEventClient } from '../../aws/lambda-event-client.ts';
import type { TripwireEvent } from '../../shared/tripwire-event.ts';
import type { ReportTripwires } from '../audit-ports.ts';

/** The sealer waits this long at most for Lambda to accept the event, milliseconds. */
const timeoutMs = 2000;

/**
 * Hands the id of an org to the function that wakes devices, which runs by itself.
 * @param onFailure called with the error if it was not accepted. The audit and the alarm have the tripwire all the same
 */
export const lambdaTripwireReport =
  (client: LambdaEventClient, functionArn: string, onFailure: (org: string, error: unknown) => void): ReportTripwires =>
  async (org) => {
    const event: TripwireEvent = { kind: 'tripwires', org };
    try {
      await client.invoke(functionArn, event, { timeoutMs });
    } catch (error) {
      onFailure(org, error);
    }
  };
