/** The event of the sealer about tripwires. Not an HTTP route: the sealer invokes the function asynchronously. */
import type { Context } from 'aws-lambda';
import { describeFault, failedDependencyOf, type WriteRequestLog } from '../../middleware/request-log.ts';
import { problemResponse } from '../../middleware/responses.ts';
import type { TripwireEvent } from '../../shared/tripwire-event.ts';
import type { TripwireWaker } from '../tripwire-waker.ts';

/** A failure is thrown, so that Lambda repeats the event. A device gets a notice at most once a minute. */
export const handleTripwireEvents =
  (log: WriteRequestLog, waker: TripwireWaker) =>
  async ({ kind, org }: TripwireEvent, { awsRequestId: requestId }: Context): Promise<void> => {
    const started = performance.now();
    const entry = () => ({ requestId, route: kind, org, durationMs: Math.round(performance.now() - started) });
    try {
      await waker.wake(org);
      log({ ...entry(), status: 200 });
    } catch (error) {
      const { code, answer } = problemResponse(error, requestId);
      const fault = code === 'internal' ? { fault: describeFault(error) } : {};
      log({ ...entry(), status: answer.statusCode ?? 500, code, ...fault, ...failedDependencyOf(error) });
      throw error;
    }
  };
