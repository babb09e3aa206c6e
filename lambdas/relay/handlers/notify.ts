/** The handler of the notifier. Not an HTTP route: the relay and the directory invoke it asynchronously. */
import type { Context } from 'aws-lambda';
import { describeFault, failedDependencyOf, type WriteRequestLog } from '../../middleware/request-log.ts';
import { problemResponse } from '../../middleware/responses.ts';
import type { NotifierEvent } from '../../shared/notifier-event.ts';
import type { Notifier } from '../notifier.ts';

/** A failure is thrown, so that Lambda repeats the event. Frames and notices may then be sent twice. */
export const notify =
  (log: WriteRequestLog, notifier: Notifier) =>
  async (event: NotifierEvent, context: Context): Promise<void> => {
    const started = performance.now();
    const requestId = context.awsRequestId;
    const org = event.kind === 'close' ? undefined : event.org;
    const entry = () => ({ requestId, route: event.kind, org, durationMs: Math.round(performance.now() - started) });
    try {
      await notifier.run(event);
      log({ ...entry(), status: 200 });
    } catch (error) {
      const { code, answer } = problemResponse(error, requestId);
      const fault = code === 'internal' ? { fault: describeFault(error) } : {};
      log({ ...entry(), status: answer.statusCode ?? 500, code, ...fault, ...failedDependencyOf(error) });
      throw error;
    }
  };
