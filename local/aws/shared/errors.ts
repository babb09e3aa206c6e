/**
 * A reason why this emulator can't start or go on, written for the person at the terminal: what happened, what
 * was not done, what to do next.
 */
export class LocalError extends Error {
  override readonly name = 'LocalError';
}

/** An error as an AWS JSON service sends it: `__type` and `message` under an HTTP status. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly type: string;
  readonly status: number;

  constructor(type: string, message: string, status = 400) {
    super(message);
    this.type = type;
    this.status = status;
  }
}

/** The code of a system error such as `EADDRINUSE`, or undefined for any other thrown thing. */
export const systemErrorCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

export const errorMessageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
