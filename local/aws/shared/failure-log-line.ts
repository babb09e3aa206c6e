/** Formats the log line for an error in an engine. */
import { systemErrorCode } from './errors.ts';

export interface FailedCall {
  readonly engine: string;
  /** E.g. `GetItem`. */
  readonly action?: string | undefined;
}

const framesKept = 8;

/**
 * Returns a line of JSON. It omits the error message, because the message can quote the input of the call, including
 * secrets. The code locations are sufficient.
 */
export function failureLine(call: FailedCall, error: unknown): string {
  const { name, stack = '' } = error instanceof Error ? error : { name: typeof error };
  return JSON.stringify({
    timestamp: new Date().toISOString(),
    level: 'ERROR',
    ...call,
    errorType: name,
    errorCode: systemErrorCode(error),
    at: stack
      .split('\n')
      .map((line) => /^\s+at (.*)$/.exec(line)?.[1])
      .filter((place) => place !== undefined)
      .slice(0, framesKept),
  });
}
