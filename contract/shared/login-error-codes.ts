import type { ErrorDefinition } from './common-error-codes.ts';

/** Codes of logins of identities of other systems (docs/workload-identity.md). The SDK loads them with what logs in. */
export const loginErrors = {
  identity_refused: { status: 401, title: 'The identity cannot use this login', retryable: false },
  login_not_found: { status: 404, title: 'There is no login with that id', retryable: false },
} as const satisfies Record<string, ErrorDefinition>;
