import { type ErrorCode, errors } from './error-codes.ts';

/** What a problem document may carry beside its row of the table. Never a value, a key or a part of a body. */
export interface ErrorExtras {
  /** What happened in this case, for people. */
  readonly detail?: string;
  /** Where the input is wrong. */
  readonly errors?: { path: string; message: string }[];
  /** For `version_conflict`. */
  readonly currentVersion?: number;
}

/** A failure of the service by its code: thrown anywhere below the handlers, encoded in one place. */
export class VaultError extends Error {
  readonly code: ErrorCode;
  readonly extras: ErrorExtras;

  constructor(code: ErrorCode, extras: ErrorExtras = {}) {
    super(errors[code].title);
    this.name = 'VaultError';
    this.code = code;
    this.extras = extras;
  }
}
