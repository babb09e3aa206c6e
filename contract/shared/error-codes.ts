/**
 * The closed list of error codes. A code is part of the API: clients switch on it, so a row may be added but
 * never renamed. Problem documents (RFC 9457) are made from a row here and from nothing else.
 *
 * `retryable` says that the same request may succeed later without any change; such answers carry `Retry-After`.
 */
export const errors = {
  invalid_request: { status: 400, title: 'The request is not of the documented form', retryable: false },
  invalid_name: { status: 400, title: 'The name is not allowed', retryable: false },
  invalid_cursor: { status: 400, title: 'The cursor does not belong to this list', retryable: false },
  missing_api_key: { status: 401, title: 'An API key is required', retryable: false },
  invalid_api_key: { status: 401, title: 'The API key is not valid', retryable: false },
  api_key_revoked: { status: 401, title: 'The API key was revoked', retryable: false },
  api_key_expired: { status: 401, title: 'The API key has expired', retryable: false },
  invalid_credential: { status: 401, title: 'The user key or session is not valid', retryable: false },
  missing_credential: { status: 401, title: 'A user key or a session is required', retryable: false },
  login_refused: { status: 401, title: 'The login or the password is wrong', retryable: false },
  signature_refused: { status: 403, title: 'The request is not one that the provider signed', retryable: false },
  forbidden: { status: 403, title: 'The API key does not allow this', retryable: false },
  proof_refused: { status: 403, title: 'The proof of the key is wrong', retryable: false },
  route_not_found: { status: 404, title: 'There is no such route', retryable: false },
  value_not_found: { status: 404, title: 'There is no value of that name', retryable: false },
  version_not_found: { status: 404, title: 'The value has no such version', retryable: false },
  api_key_not_found: { status: 404, title: 'There is no API key of that id', retryable: false },
  blob_not_found: { status: 404, title: 'There is no such blob, or its link was replaced', retryable: false },
  user_not_found: { status: 404, title: 'There is no user of that id', retryable: false },
  slot_not_found: { status: 404, title: 'There is no slot of that id', retryable: false },
  record_not_found: { status: 404, title: 'There is no record of that id', retryable: false },
  record_exists: { status: 409, title: 'There is another record of that id', retryable: false },
  login_taken: { status: 409, title: 'The login is taken', retryable: false },
  last_slot: { status: 409, title: 'Nothing else opens the data of this user', retryable: false },
  too_many_slots: { status: 409, title: 'The user has as many slots as it may have', retryable: false },
  blob_not_uploaded: { status: 409, title: 'The upload of the blob is not complete', retryable: false },
  blob_completed: { status: 409, title: 'The blob is complete already', retryable: false },
  upload_mismatch: { status: 409, title: 'What was uploaded is not what was announced', retryable: false },
  version_conflict: { status: 409, title: 'The value is at another version', retryable: false },
  write_id_reused: { status: 409, title: 'The write id was used for another value', retryable: false },
  no_shred_pending: { status: 409, title: 'No shredding is waiting', retryable: false },
  org_shredded: { status: 410, title: 'The data of the organization was shredded', retryable: false },
  value_expired: { status: 410, title: 'The value has expired', retryable: false },
  blob_expired: { status: 410, title: 'The blob has expired', retryable: false },
  blob_spent: { status: 410, title: 'The blob was opened as often as it may be', retryable: false },
  blob_deleted: { status: 410, title: 'The blob was deleted', retryable: false },
  blob_too_large: { status: 413, title: 'The blob is too large', retryable: false },
  value_too_large: { status: 413, title: 'The value is too large', retryable: false },
  request_too_large: { status: 413, title: 'The request is too large', retryable: false },
  record_too_large: { status: 413, title: 'The record is too large', retryable: false },
  unsupported_media_type: { status: 415, title: 'The body must be application/json', retryable: false },
  decryption_failed: { status: 422, title: 'What is stored could not be opened', retryable: false },
  org_locked: { status: 423, title: 'The organization is locked until it is shredded', retryable: false },
  too_many_attempts: { status: 429, title: 'There were too many attempts', retryable: true },
  internal: { status: 500, title: 'The vault failed in a way it does not know', retryable: false },
  unavailable: { status: 503, title: 'A service the vault stands on did not answer in time', retryable: true },
  audit_unavailable: { status: 503, title: 'The request could not be audited', retryable: true },
  key_unavailable: { status: 503, title: 'The key-encryption key cannot be used now', retryable: true },
  write_contention: { status: 503, title: 'Too many writers changed this at once', retryable: true },
  reply_full: { status: 503, title: 'The reply was full before this item; ask for it again', retryable: true },
} as const satisfies Record<string, ErrorDefinition>;

interface ErrorDefinition {
  /** HTTP status. */
  readonly status: number;
  /** One sentence for people, the same for every occurrence (RFC 9457 section 3.1.3). */
  readonly title: string;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
}

export type ErrorCode = keyof typeof errors;

/** Type URIs of problems are this prefix and the code; the list is in the OpenAPI document. */
export const problemTypePrefix = 'urn:anima:error:';

/** Media type of problem documents (RFC 9457 section 3). */
export const problemMediaType = 'application/problem+json';

/** Codes that only the client knows: no answer came, or it was not one of the vault's. */
export const clientErrors = {
  connection_failed: 'The vault could not be reached',
  timeout: 'The vault did not answer in time',
  aborted: 'The caller cancelled the request',
  unexpected_response: 'The answer was not one of the vault',
  insecure_url: 'A key is only sent over https, or to this machine',
  missing_api_key: 'No API key was given',
  invalid_api_key: 'The API key is malformed',
  wrong_key_kind: 'This client has another kind of key than the call takes',
  invalid_argument: 'An argument is not of the documented form',
  invalid_link: 'The address is not the link of a blob',
  content_changed: 'The content is not what it was when its upload began',
  storage_refused: 'The store of ciphertext did not do what the vault had signed for',
} as const;

export type ClientErrorCode = keyof typeof clientErrors;
