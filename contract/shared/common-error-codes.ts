/** Error codes of most routes, and those of the client: what every client of the SDK has from the start. */

export interface ErrorDefinition {
  /** HTTP status. */
  readonly status: number;
  /** One sentence for people, the same for every occurrence (RFC 9457 section 3.1.3). */
  readonly title: string;
  /** Whether the same request can succeed later. */
  readonly retryable: boolean;
}

/** See error-codes.ts. */
export const commonErrors = {
  invalid_request: { status: 400, title: 'The request does not have the documented form', retryable: false },
  invalid_name: { status: 400, title: 'The name is not allowed', retryable: false },
  invalid_cursor: { status: 400, title: 'The cursor does not belong to this list', retryable: false },
  missing_api_key: { status: 401, title: 'An API key is required', retryable: false },
  invalid_api_key: { status: 401, title: 'The API key is not valid', retryable: false },
  api_key_revoked: { status: 401, title: 'The API key was revoked', retryable: false },
  api_key_expired: { status: 401, title: 'The API key has expired', retryable: false },
  invalid_credential: { status: 401, title: 'The user key or session is not valid', retryable: false },
  missing_credential: { status: 401, title: 'A user key or a session is required', retryable: false },
  login_refused: { status: 401, title: 'The login or the password is wrong', retryable: false },
  forbidden: { status: 403, title: 'The API key does not allow this', retryable: false },
  value_not_readable: { status: 403, title: 'The value can be used, but nobody reads it', retryable: false },
  proof_refused: { status: 403, title: 'The proof of knowing the key is wrong', retryable: false },
  route_not_found: { status: 404, title: 'There is no such route', retryable: false },
  method_not_allowed: { status: 405, title: 'The route has no such method', retryable: false },
  value_not_found: { status: 404, title: 'There is no value with that name', retryable: false },
  version_not_found: { status: 404, title: 'The value has no such version', retryable: false },
  api_key_not_found: { status: 404, title: 'There is no API key with that id', retryable: false },
  blob_not_found: { status: 404, title: 'There is no such blob, or its link was replaced', retryable: false },
  user_not_found: { status: 404, title: 'There is no user with that id', retryable: false },
  slot_not_found: { status: 404, title: 'There is no key slot with that id', retryable: false },
  record_not_found: { status: 404, title: 'There is no record with that id', retryable: false },
  record_exists: { status: 409, title: 'A different record with that id exists', retryable: false },
  login_taken: { status: 409, title: 'The login is taken', retryable: false },
  last_slot: { status: 409, title: 'The user would have no permanent key slot left', retryable: false },
  too_many_slots: { status: 409, title: 'The user has the maximum number of key slots', retryable: false },
  blob_not_uploaded: { status: 409, title: 'The upload of the blob is not complete', retryable: false },
  blob_completed: { status: 409, title: 'The upload of the blob is already complete', retryable: false },
  upload_mismatch: { status: 409, title: 'The uploaded data does not match what was announced', retryable: false },
  version_conflict: { status: 409, title: 'The current version is not the expected one', retryable: false },
  write_id_reused: { status: 409, title: 'The write id was already used for another value', retryable: false },
  no_shred_pending: { status: 409, title: 'No shredding is pending', retryable: false },
  org_shredded: { status: 410, title: 'The data of the organization was shredded', retryable: false },
  value_expired: { status: 410, title: 'The value has expired', retryable: false },
  blob_expired: { status: 410, title: 'The blob has expired', retryable: false },
  blob_spent: { status: 410, title: 'The blob was opened as often as allowed', retryable: false },
  blob_deleted: { status: 410, title: 'The blob was deleted', retryable: false },
  precondition_failed: { status: 412, title: 'A precondition of the request does not hold', retryable: false },
  blob_too_large: { status: 413, title: 'The blob is too large', retryable: false },
  value_too_large: { status: 413, title: 'The value is too large', retryable: false },
  request_too_large: { status: 413, title: 'The request is too large', retryable: false },
  record_too_large: { status: 413, title: 'The record is too large', retryable: false },
  unsupported_media_type: { status: 415, title: 'The body must be application/json', retryable: false },
  decryption_failed: { status: 422, title: 'The stored data could not be decrypted', retryable: false },
  org_locked: { status: 423, title: 'The organization is locked until it is shredded', retryable: false },
  too_many_attempts: { status: 429, title: 'There were too many attempts', retryable: true },
  internal: { status: 500, title: 'The vault failed with an unexpected error', retryable: false },
  unavailable: { status: 503, title: 'A service that the vault depends on is unavailable', retryable: true },
  audit_unavailable: { status: 503, title: 'The request could not be audited', retryable: true },
  key_unavailable: { status: 503, title: 'The key-encryption key cannot be used now', retryable: true },
  write_contention: { status: 503, title: 'Too many concurrent writes', retryable: true },
  reply_full: { status: 503, title: 'The response was full before this item; request it again', retryable: true },
} as const satisfies Record<string, ErrorDefinition>;

/**
 * Codes that only the client uses: the request was not sent, there was no response, or the response did not come from
 * the vault.
 */
export const clientErrors = {
  connection_failed: 'The vault could not be reached',
  timeout: 'The vault did not respond in time',
  aborted: 'The caller cancelled the request',
  unexpected_response: 'The response is not a valid vault response',
  insecure_url: 'A key is only sent over https or to this machine',
  missing_url: 'The address of the vault was not given',
  identity_unavailable: 'The identity of this machine could not be obtained',
  wrong_key_kind: 'The key of this client is not of the kind that this call needs',
  invalid_argument: 'An argument does not have the documented form',
  invalid_link: 'The address is not the link of a blob',
  content_changed: 'The content has changed since its upload began',
  storage_refused: 'The object storage did not carry out the request that the vault had signed',
} as const;

export type ClientErrorCode = keyof typeof clientErrors;

/** Type URIs of problems are this prefix followed by the code. The OpenAPI document lists the codes. */
export const problemTypePrefix = 'urn:anima:error:';
