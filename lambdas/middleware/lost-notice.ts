import { describeFault, type WriteRequestLog } from './request-log.ts';
import { problemResponse } from './responses.ts';

/** A line besides that of the request, which does not fail because the notifier could not be told. */
export function logLostNotice(log: WriteRequestLog, org: string | undefined, error: unknown): void {
  const { code, answer } = problemResponse(error, 'none');
  const fault = { fault: describeFault(error) };
  log({ requestId: 'none', route: 'notify', status: answer.statusCode ?? 500, durationMs: 0, org, code, ...fault });
}
