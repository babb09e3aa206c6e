import type { ErrorDefinition } from './common-error-codes.ts';

/** Codes of uses of values (docs/broker.md). The SDK loads them with what uses a value. */
export const brokerErrors = {
  use_refused: { status: 403, title: 'The rules of the value do not allow this use', retryable: false },
  destination_refused: { status: 403, title: 'The host is not on the public internet', retryable: false },
  search_full: { status: 409, title: 'The host knows as many values as can be concealed', retryable: false },
  credential_refused: { status: 409, title: 'The provider refused the credential', retryable: false },
  credential_uncertain: {
    status: 409,
    title: 'It is unknown whether the provider still accepts the refresh token',
    retryable: false,
  },
  value_unusable: { status: 422, title: 'The value cannot be used in this place', retryable: false },
  use_limit_reached: { status: 429, title: 'The value was used as often as its rules allow', retryable: true },
  upstream_failed: { status: 502, title: 'There was no usable response of the host', retryable: false },
  credential_busy: { status: 503, title: 'The access token is being refreshed', retryable: true },
  upstream_timeout: { status: 504, title: 'The host did not respond in time', retryable: false },
} as const satisfies Record<string, ErrorDefinition>;
