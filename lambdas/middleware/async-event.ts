/** Events that another function sends asynchronously. */
import { describeFault, failedDependencyOf, type WriteRequestLog } from './request-log.ts';
import { problemResponse } from './responses.ts';

/**
 * Does the work of an event and writes its line in the log. A failure is thrown, so that Lambda repeats the event.
 * @param facts what the line says about the event
 */
export async function runAsyncEvent(
  log: WriteRequestLog,
  facts: { readonly requestId: string; readonly route: string; readonly org: string | undefined },
  work: () => Promise<void>,
): Promise<void> {
  const started = performance.now();
  const entry = () => ({ ...facts, durationMs: Math.round(performance.now() - started) });
  try {
    await work();
    log({ ...entry(), status: 200 });
  } catch (error) {
    const { code, answer } = problemResponse(error, facts.requestId);
    const fault = code === 'internal' ? { fault: describeFault(error) } : {};
    log({ ...entry(), status: answer.statusCode ?? 500, code, ...fault, ...failedDependencyOf(error) });
    throw error;
  }
}
