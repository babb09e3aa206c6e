import {
  type ClientErrorCode,
  clientErrors,
  commonErrors,
  type ErrorDefinition,
} from '../../../contract/shared/common-error-codes.ts';
import type { ErrorCode } from '../../../contract/shared/error-codes.ts';

/** All codes of an AnimaError: the vault's codes and the client's own. */
export type AnimaErrorCode = ErrorCode | ClientErrorCode;

/** An invalid input and its location. */
export interface InputProblem {
  readonly path: string;
  readonly message: string;
}

/** Details of a failure besides its code. */
export interface ErrorFields {
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
  readonly detail?: string | undefined;
  readonly retryAfter?: number | undefined;
  readonly currentVersion?: number | undefined;
  readonly problems?: readonly InputProblem[] | undefined;
}

/**
 * Any failure of a call. Switch on `code`. No field and no cause ever contains an API key or a value. Errors of
 * `fetch` and of JSON parsing are not kept as causes, because they may quote sent or received data.
 */
export class AnimaError extends Error {
  // Set on the prototype, as the platform does: an instance field would be set after the stack was captured with the
  // old name.
  static {
    AnimaError.prototype.name = 'AnimaError';
  }

  readonly code: AnimaErrorCode;
  /** HTTP status; undefined if no response arrived or nothing was sent. */
  readonly status: number | undefined;
  /** The request id in the vault's logs. */
  readonly requestId: string | undefined;
  /** Description of this failure. */
  readonly detail: string | undefined;
  /** Locations of invalid input, if the vault reports them. */
  readonly problems: readonly InputProblem[];
  /** Whether the same call may succeed later. The client has already retried it `maxRetries` times. */
  readonly retryable: boolean;
  /** Seconds to wait before a retry, if the vault specifies them. */
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

/** An argument, or the request built from it, is invalid. */
export class InvalidRequestError extends AnimaError {
  static {
    InvalidRequestError.prototype.name = 'InvalidRequestError';
  }
}

/**
 * The API key is missing, malformed, unknown, revoked or expired; the user key or session is invalid
 * (`invalid_credential`); the login or password is wrong (`login_refused`); or the call requires another kind of key
 * (`wrong_key_kind`).
 */
export class AuthenticationError extends AnimaError {
  static {
    AuthenticationError.prototype.name = 'AuthenticationError';
  }
}

/** The API key lacks the permission; or a link's key is wrong (`proof_refused`). */
export class PermissionError extends AnimaError {
  static {
    PermissionError.prototype.name = 'PermissionError';
  }
}

/**
 * The name, id or version does not exist, or the value has expired (`value_expired`). For blobs: it does not exist,
 * or it can no longer be opened (`blob_expired`, `blob_spent`, `blob_deleted`).
 */
export class NotFoundError extends AnimaError {
  static {
    NotFoundError.prototype.name = 'NotFoundError';
  }
}

/**
 * The current version differs from `ifVersion`; the write id was used for another write; a record id or login is
 * taken; no other slot would unlock the user's data (`last_slot`); there is no pending shredding; or a blob upload
 * cannot continue from its current state.
 */
export class ConflictError extends AnimaError {
  static {
    ConflictError.prototype.name = 'ConflictError';
  }

  /** For `version_conflict`: the current version, 0 if there is none. */
  readonly currentVersion: number | undefined;

  constructor(code: AnimaErrorCode, fields: ErrorFields = {}) {
    super(code, fields);
    this.currentVersion = fields.currentVersion;
  }
}

/**
 * Stored data could not be decrypted: it was altered, or its key is missing or wrong. All causes have the same error.
 */
export class DecryptionError extends AnimaError {
  static {
    DecryptionError.prototype.name = 'DecryptionError';
  }
}

/** The organization's data cannot be used: it is locked until shredding (`org_locked`) or shredded (`org_shredded`). */
export class OrgStateError extends AnimaError {
  static {
    OrgStateError.prototype.name = 'OrgStateError';
  }
}

/** Too many requests or login attempts (HTTP 429). */
export class RateLimitError extends AnimaError {
  static {
    RateLimitError.prototype.name = 'RateLimitError';
  }
}

/** The vault or a service it depends on is unavailable (HTTP 5xx). */
export class UnavailableError extends AnimaError {
  static {
    UnavailableError.prototype.name = 'UnavailableError';
  }
}

/**
 * The response did not come from a known vault version: it came from another server, a proxy or a newer vault. Or
 * ciphertext storage rejected the request.
 */
export class UnexpectedResponseError extends AnimaError {
  static {
    UnexpectedResponseError.prototype.name = 'UnexpectedResponseError';
  }
}

/** The connection failed, or broke before the response was complete. */
export class ConnectionError extends AnimaError {
  static {
    ConnectionError.prototype.name = 'ConnectionError';
  }
}

/** No complete response within `timeout`. */
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

/** Codes of routes that only some clients call. The modules that call them add the codes before. */
type AddedErrorCode = Exclude<ErrorCode, keyof typeof commonErrors>;
type CommonErrorCode = Exclude<AnimaErrorCode, AddedErrorCode>;

/** The class of each code. The compiler rejects a missing code. */
const errorClasses: Record<CommonErrorCode, typeof AnimaError> & Partial<Record<AddedErrorCode, typeof AnimaError>> = {
  invalid_request: InvalidRequestError,
  invalid_name: InvalidRequestError,
  invalid_cursor: InvalidRequestError,
  invalid_argument: InvalidRequestError,
  insecure_url: InvalidRequestError,
  missing_url: InvalidRequestError,
  invalid_link: InvalidRequestError,
  blob_too_large: InvalidRequestError,
  value_too_large: InvalidRequestError,
  request_too_large: InvalidRequestError,
  record_too_large: InvalidRequestError,
  unsupported_media_type: InvalidRequestError,
  missing_api_key: AuthenticationError,
  identity_unavailable: AuthenticationError,
  invalid_api_key: AuthenticationError,
  api_key_revoked: AuthenticationError,
  api_key_expired: AuthenticationError,
  missing_credential: AuthenticationError,
  invalid_credential: AuthenticationError,
  login_refused: AuthenticationError,
  wrong_key_kind: AuthenticationError,
  forbidden: PermissionError,
  proof_refused: PermissionError,
  value_not_readable: PermissionError,
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
  // Not NotFoundError: a wrong address must not look like a missing secret.
  route_not_found: UnexpectedResponseError,
  method_not_allowed: UnexpectedResponseError,
  unexpected_response: UnexpectedResponseError,
  storage_refused: UnexpectedResponseError,
  version_conflict: ConflictError,
  precondition_failed: ConflictError,
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

/** The only place that creates errors: an AnimaError of the class for the code and status. */
export function createError(code: AnimaErrorCode, fields: ErrorFields = {}): AnimaError {
  return new (errorClassFor(code, fields.status))(code, fields);
}

function errorClassFor(code: AnimaErrorCode, status: number | undefined): typeof AnimaError {
  if (isForeignResponse(code) && status === 429) return RateLimitError;
  if (isForeignResponse(code) && status !== undefined && status >= 500) return UnavailableError;
  return errorClasses[code] ?? AnimaError;
}

/**
 * When the storage or a gateway in front of the vault throttles or fails, it sends its own response body. Only the
 * status is then meaningful.
 */
const isForeignResponse = (code: AnimaErrorCode): boolean =>
  code === 'unexpected_response' || code === 'storage_refused';

/** The rows of the vault's codes that this client knows. */
const rows: Record<string, ErrorDefinition> = { ...commonErrors };

/** Adds the codes of routes that only some clients call. */
export function addErrors<C extends AddedErrorCode>(
  added: Readonly<Record<C, ErrorDefinition>>,
  classes: Readonly<Record<C, typeof AnimaError>>,
): void {
  Object.assign(rows, added);
  Object.assign(errorClasses, classes);
}

/** Whether `code` is an error code of the vault that this client knows. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(rows, code);
}

const errorTitle = (code: AnimaErrorCode): string => rows[code]?.title ?? clientErrors[code as ClientErrorCode] ?? code;

function isRetryable(code: AnimaErrorCode, status: number | undefined): boolean {
  if (isForeignResponse(code)) return status === 429 || (status !== undefined && status >= 500);
  return rows[code]?.retryable ?? (code === 'connection_failed' || code === 'timeout');
}
