import { type ClientErrorCode, clientErrors, type ErrorCode, errors } from '../../../contract/shared/error-codes.ts';

/** Every code an AnimaError can have: those of the vault, and those that only a client can meet. */
export type AnimaErrorCode = ErrorCode | ClientErrorCode;

/** Where an input is wrong. */
export interface InputProblem {
  readonly path: string;
  readonly message: string;
}

/** What is known of a failure beside its code. */
export interface ErrorFields {
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
  readonly detail?: string | undefined;
  readonly retryAfter?: number | undefined;
  readonly currentVersion?: number | undefined;
  readonly problems?: readonly InputProblem[] | undefined;
}

/**
 * Any failure of a call. `code` says which, and is the thing to switch on. No field, and no cause, ever holds an
 * API key or a value: errors of `fetch` and of JSON parsing are not kept as causes, since they may quote what was
 * sent or received.
 */
export class AnimaError extends Error {
  // On the prototype, as the platform does: a field would be set after the stack was written with the old name.
  static {
    AnimaError.prototype.name = 'AnimaError';
  }

  readonly code: AnimaErrorCode;
  /** HTTP status; undefined when no answer came or nothing was sent. */
  readonly status: number | undefined;
  /** The id under which the vault logged the request. */
  readonly requestId: string | undefined;
  /** What happened in this case. */
  readonly detail: string | undefined;
  /** Where the input is wrong, when the vault says so. */
  readonly problems: readonly InputProblem[];
  /** Whether the same call may succeed later. The client has then already retried it `maxRetries` times. */
  readonly retryable: boolean;
  /** Seconds after which the vault wants to be asked again, when it says so. */
  readonly retryAfter: number | undefined;

  constructor(code: AnimaErrorCode, fields: ErrorFields = {}) {
    super(fields.detail === undefined ? errorTitle(code) : `${errorTitle(code)}: ${fields.detail}`);
    this.code = code;
    this.status = fields.status;
    this.requestId = fields.requestId;
    this.detail = fields.detail;
    this.problems = fields.problems ?? [];
    this.retryable = isRetryable(code, fields.status);
    this.retryAfter = fields.retryAfter;
  }

  /** For structured logs: `name` and `message` are not enumerable and would be lost. */
  toJSON(): object {
    return { ...this, name: this.name, message: this.message };
  }
}

/** An argument, or what was made of it, is not of the documented form. */
export class InvalidRequestError extends AnimaError {
  static {
    InvalidRequestError.prototype.name = 'InvalidRequestError';
  }
}

/**
 * The API key is missing, malformed, unknown, revoked or expired; the user key or session is not valid (`invalid_credential`), login or password
 * wrong (`login_refused`); or the client has another kind of key than the call takes (`wrong_key_kind`).
 */
export class AuthenticationError extends AnimaError {
  static {
    AuthenticationError.prototype.name = 'AuthenticationError';
  }
}

/** The API key may not do this; or a link's key is wrong (`proof_refused`). */
export class PermissionError extends AnimaError {
  static {
    PermissionError.prototype.name = 'PermissionError';
  }
}

/**
 * There is nothing of that name, id or version, or it has expired (`value_expired`); no such blob, or it can't be opened any more (`blob_expired`,
 * `blob_spent`, `blob_deleted`).
 */
export class NotFoundError extends AnimaError {
  static {
    NotFoundError.prototype.name = 'NotFoundError';
  }
}

/**
 * What is there is at another version than `ifVersion`, or the write id was used for something else; the id of a record or a login is taken;
 * nothing else would open a user's data (`last_slot`); there is no shredding to cancel; or the upload of a blob does not go on from where it
 * stands.
 */
export class ConflictError extends AnimaError {
  static {
    ConflictError.prototype.name = 'ConflictError';
  }

  /** For `version_conflict`: the version that is there, 0 when none is. */
  readonly currentVersion: number | undefined;

  constructor(code: AnimaErrorCode, fields: ErrorFields = {}) {
    super(code, fields);
    this.currentVersion = fields.currentVersion;
  }
}

/** What is stored could not be opened: it was altered, or its key is gone or wrong. One error for every cause. */
export class DecryptionError extends AnimaError {
  static {
    DecryptionError.prototype.name = 'DecryptionError';
  }
}

/** The organization's data can't be used: it is locked until it is shredded (`org_locked`), or shredded (`org_shredded`). */
export class OrgStateError extends AnimaError {
  static {
    OrgStateError.prototype.name = 'OrgStateError';
  }
}

/** Too many requests, or attempts to log in (HTTP 429). */
export class RateLimitError extends AnimaError {
  static {
    RateLimitError.prototype.name = 'RateLimitError';
  }
}

/** The vault, or a service it stands on, does not work now (HTTP 5xx). */
export class UnavailableError extends AnimaError {
  static {
    UnavailableError.prototype.name = 'UnavailableError';
  }
}

/** The answer was not one of the vault: another server, a proxy's page, or a newer vault. Or the store of ciphertext refused. */
export class UnexpectedResponseError extends AnimaError {
  static {
    UnexpectedResponseError.prototype.name = 'UnexpectedResponseError';
  }
}

/** No connection, or it broke before the answer was whole. */
export class ConnectionError extends AnimaError {
  static {
    ConnectionError.prototype.name = 'ConnectionError';
  }
}

/** No whole answer within `timeout`. */
export class TimeoutError extends AnimaError {
  static {
    TimeoutError.prototype.name = 'TimeoutError';
  }
}

/** The caller's AbortSignal fired. */
export class AbortError extends AnimaError {
  static {
    AbortError.prototype.name = 'AbortError';
  }
}

/** The class of each code. The compiler refuses a code without a row. */
const errorClasses: Record<AnimaErrorCode, typeof AnimaError> = {
  invalid_request: InvalidRequestError,
  invalid_name: InvalidRequestError,
  invalid_cursor: InvalidRequestError,
  invalid_argument: InvalidRequestError,
  insecure_url: InvalidRequestError,
  invalid_link: InvalidRequestError,
  blob_too_large: InvalidRequestError,
  value_too_large: InvalidRequestError,
  request_too_large: InvalidRequestError,
  record_too_large: InvalidRequestError,
  unsupported_media_type: InvalidRequestError,
  missing_api_key: AuthenticationError,
  invalid_api_key: AuthenticationError,
  api_key_revoked: AuthenticationError,
  api_key_expired: AuthenticationError,
  missing_credential: AuthenticationError,
  invalid_credential: AuthenticationError,
  login_refused: AuthenticationError,
  wrong_key_kind: AuthenticationError,
  forbidden: PermissionError,
  proof_refused: PermissionError,
  signature_refused: PermissionError,
  value_not_found: NotFoundError,
  version_not_found: NotFoundError,
  api_key_not_found: NotFoundError,
  value_expired: NotFoundError,
  user_not_found: NotFoundError,
  slot_not_found: NotFoundError,
  record_not_found: NotFoundError,
  blob_not_found: NotFoundError,
  blob_expired: NotFoundError,
  blob_spent: NotFoundError,
  blob_deleted: NotFoundError,
  // Not NotFoundError: a wrong address must not look like a secret that does not exist.
  route_not_found: UnexpectedResponseError,
  unexpected_response: UnexpectedResponseError,
  storage_refused: UnexpectedResponseError,
  version_conflict: ConflictError,
  write_id_reused: ConflictError,
  no_shred_pending: ConflictError,
  record_exists: ConflictError,
  login_taken: ConflictError,
  last_slot: ConflictError,
  too_many_slots: ConflictError,
  blob_not_uploaded: ConflictError,
  blob_completed: ConflictError,
  upload_mismatch: ConflictError,
  content_changed: ConflictError,
  decryption_failed: DecryptionError,
  org_locked: OrgStateError,
  org_shredded: OrgStateError,
  too_many_attempts: RateLimitError,
  internal: UnavailableError,
  unavailable: UnavailableError,
  audit_unavailable: UnavailableError,
  key_unavailable: UnavailableError,
  write_contention: UnavailableError,
  reply_full: UnavailableError,
  connection_failed: ConnectionError,
  timeout: TimeoutError,
  aborted: AbortError,
};

/** The only place where errors are made: an AnimaError of the class that belongs to the code and status. */
export function createError(code: AnimaErrorCode, fields: ErrorFields = {}): AnimaError {
  return new (errorClassFor(code, fields.status))(code, fields);
}

function errorClassFor(code: AnimaErrorCode, status: number | undefined): typeof AnimaError {
  if (isForeignResponse(code) && status === 429) return RateLimitError;
  if (isForeignResponse(code) && status !== undefined && status >= 500) return UnavailableError;
  return errorClasses[code];
}

/** A gateway in front of the vault, and the store, throttle and fail in words of their own, where only the status tells. */
const isForeignResponse = (code: AnimaErrorCode): boolean =>
  code === 'unexpected_response' || code === 'storage_refused';

/** Whether `code` is one of the vault's. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errors, code);
}

function errorTitle(code: AnimaErrorCode): string {
  return isErrorCode(code) ? errors[code].title : clientErrors[code];
}

function isRetryable(code: AnimaErrorCode, status: number | undefined): boolean {
  if (isForeignResponse(code)) return status === 429 || (status !== undefined && status >= 500);
  return isErrorCode(code) ? errors[code].retryable : code === 'connection_failed' || code === 'timeout';
}
