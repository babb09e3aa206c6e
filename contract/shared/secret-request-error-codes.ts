import type { ErrorDefinition } from './common-error-codes.ts';

/** Codes of requests for a secret (docs/secret-requests.md). The SDK loads them with what makes a request. */
export const secretRequestErrors = {
  secret_request_not_found: { status: 404, title: 'There is no such request for a secret', retryable: false },
  name_taken: { status: 409, title: 'A value with that name exists', retryable: false },
  secret_request_filled: { status: 410, title: 'The request for a secret was already answered', retryable: false },
  secret_request_denied: { status: 410, title: 'The request for a secret was denied or cancelled', retryable: false },
  secret_request_expired: { status: 410, title: 'The request for a secret has expired', retryable: false },
} as const satisfies Record<string, ErrorDefinition>;
