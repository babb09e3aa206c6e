/** What the log says of an error in an engine. */
import { systemErrorCode } from './errors.ts';

export interface FailedCall {
  readonly engine: string;
  /** E.g. `GetItem`. */
  readonly action?: string | undefined;
}

const framesKept = 8;

/**
 * A line of JSON with named fields. The message of the error is left out: it may repeat what the call was given, secrets included. The
 * places in the code say enough.
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
