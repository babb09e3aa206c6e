/**
 * The emulator cannot start or continue. The message is for the person at the terminal and says what happened, what was
 * not done, and what to do next.
 */
export class LocalError extends Error {
  override readonly name = 'LocalError';
}

/** An error of an AWS service: `__type`, `message` and the HTTP status. */
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

/** The code of a system error such as `EADDRINUSE`; undefined for any other thrown value. */
export const systemErrorCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

export const errorMessageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
