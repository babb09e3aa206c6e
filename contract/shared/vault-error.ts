import { type ErrorCode, errors } from './error-codes.ts';

/** Additional members of a problem document. They never contain a value, a key or a part of a body. */
export interface ErrorExtras {
  /** Text for people about this occurrence. */
  readonly detail?: string;
  /** The invalid parts of the input. */
  readonly errors?: { path: string; message: string }[];
  /** For `version_conflict` and `precondition_failed`. */
  readonly currentVersion?: number;
  /** Seconds after which the same request can succeed. Sent in the header `Retry-After` only. */
  readonly retryAfterSeconds?: number;
  /** For `method_not_allowed`: the methods of the path. Sent as the header `Allow`, not in the body. */
  readonly allow?: readonly string[];
}

/**
 * Which dependency caused a failure, and how. For the log only, from which alarms are made: it is not part of the
 * response. `kms_denied`: KMS refused, or the key is disabled or deleted.
 */
export type FailedDependency = 'kms_denied' | 'kms_throttled' | 'kms_unavailable' | 'audit_write';

/** A failure of the service, identified by its code. Thrown anywhere below the handlers and encoded in one place. */
export class VaultError extends Error {
  readonly code: ErrorCode;
  readonly extras: ErrorExtras;
  readonly failedDependency: FailedDependency | undefined;

  constructor(code: ErrorCode, extras: ErrorExtras = {}, failedDependency?: FailedDependency) {
    super(errors[code].title);
    this.name = 'VaultError';
    this.code = code;
    this.extras = extras;
    this.failedDependency = failedDependency;
  }
}
