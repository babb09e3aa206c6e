/** The event of the sealer about tripwires. Not an HTTP route: the sealer invokes the function asynchronously. */
import type { Context } from 'aws-lambda';
import { runAsyncEvent } from '../../middleware/async-event.ts';
import type { WriteRequestLog } from '../../middleware/request-log.ts';
import type { TripwireEvent } from '../../shared/tripwire-event.ts';
import type { TripwireWaker } from '../tripwire-waker.ts';

/** Lambda repeats a failed event. A device gets a notice at most once a minute. */
export const handleTripwireEvents =
  (log: WriteRequestLog, waker: TripwireWaker) =>
  async ({ kind, org }: TripwireEvent, { awsRequestId: requestId }: Context): Promise<void> =>
    await runAsyncEvent(log, { requestId, route: kind, org }, () => waker.wake(org));
