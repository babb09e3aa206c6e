/** The handler of the notifier. Not an HTTP route: the relay and the directory invoke it asynchronously. */
import type { Context } from 'aws-lambda';
import { runAsyncEvent } from '../../middleware/async-event.ts';
import type { WriteRequestLog } from '../../middleware/request-log.ts';
import type { NotifierEvent } from '../../shared/notifier-event.ts';
import type { Notifier } from '../notifier.ts';

/** Lambda repeats a failed event. Frames and notices may then be sent twice. */
export const notify =
  (log: WriteRequestLog, notifier: Notifier) =>
  async (event: NotifierEvent, { awsRequestId: requestId }: Context): Promise<void> => {
    const org = event.kind === 'close' ? undefined : event.org;
    await runAsyncEvent(log, { requestId, route: event.kind, org }, () => notifier.run(event));
  };
