import { approvalErrors } from './approval-error-codes.ts';
import { brokerErrors } from './broker-error-codes.ts';
import { commonErrors, type ErrorDefinition } from './common-error-codes.ts';
import { loginErrors } from './login-error-codes.ts';
import { secretRequestErrors } from './secret-request-error-codes.ts';

/**
 * The complete list of error codes. Codes are part of the API and clients switch on them: a row can be added but never
 * renamed. Problem documents (RFC 9457) are created only from these rows.
 *
 * `retryable` means that the same request can succeed later without any change. Such responses have a `Retry-After`
 * header.
 */

/**
 * Codes of the routes of device vaults, some of which those of sessions have too. Apart, so that clients without both do
 * not hold them.
 */
export const deviceErrors = {
  device_refused: {
    status: 401,
    title: 'The request is not signed by a device that may make it',
    retryable: false,
  },
  request_expired: { status: 401, title: 'The request was signed too long ago, or by a fast clock', retryable: false },
  device_vault_not_found: { status: 404, title: 'The user has no such device vault', retryable: false },
  recovery_not_found: { status: 404, title: 'The device vault has no recovery code', retryable: false },
  pairing_not_found: { status: 404, title: 'There is no such pairing, or it has expired', retryable: false },
  device_vault_exists: { status: 409, title: 'A different device vault with that id exists', retryable: false },
  too_many_device_vaults: { status: 409, title: 'The user has the maximum number of device vaults', retryable: false },
  log_conflict: { status: 409, title: 'Another entry has this place in the log', retryable: false },
  bundle_replaced: { status: 409, title: 'The log was not pruned to this checkpoint', retryable: false },
  prune_refused: { status: 409, title: 'The log cannot be pruned to this checkpoint now', retryable: false },
  pairing_conflict: { status: 409, title: 'The pairing does not have room for this message', retryable: false },
  device_vault_full: { status: 413, title: 'The log of the device vault is full', retryable: false },
  entry_refused: { status: 422, title: 'The entry cannot follow in this log', retryable: false },
  too_many_pairings: { status: 429, title: 'The device vault has the maximum number of pairings', retryable: false },
} as const satisfies Record<string, ErrorDefinition>;

/** Further codes of the routes of session custody, whose clients hold those of device vaults too. */
export const sessionErrors = {
  invite_refused: { status: 403, title: 'The invite is not valid', retryable: false },
  not_allowed: { status: 403, title: 'The two devices may not write to each other', retryable: false },
  checkpoint_not_found: { status: 404, title: 'There is no such checkpoint or part of it', retryable: false },
  bundle_not_found: { status: 404, title: 'The device has not published a bundle', retryable: false },
  attachment_not_found: { status: 404, title: 'There is no such attachment, or it has expired', retryable: false },
  invite_exists: { status: 409, title: 'A different invite with that id exists', retryable: false },
  too_many_invites: { status: 409, title: 'The organization has the maximum number of invites', retryable: false },
  bundle_outdated: { status: 409, title: 'A newer bundle of the device is published', retryable: false },
  too_many_prekeys: { status: 409, title: 'The device has the maximum number of one-time prekeys', retryable: false },
  conversation_conflict: {
    status: 409,
    title: 'A newer or different statement of the conversation is stored',
    retryable: false,
  },
  directory_full: { status: 413, title: 'The directory is full', retryable: false },
  bundle_refused: { status: 422, title: 'The bundle or a one-time prekey cannot be accepted', retryable: false },
  conversation_refused: { status: 422, title: 'The statement cannot be accepted', retryable: false },
  endpoint_refused: { status: 422, title: 'The endpoint is not that of a public push service', retryable: false },
  too_many_attachments: { status: 429, title: 'The device has announced too many attachments today', retryable: true },
} as const satisfies Record<string, ErrorDefinition>;

/** Code of the routes that message providers call, and no client of the SDK. */
export const providerErrors = {
  signature_refused: {
    status: 403,
    title: 'The request could not be verified as signed by the provider',
    retryable: false,
  },
} as const satisfies Record<string, ErrorDefinition>;

/** All codes of the service. */
export const errors: typeof commonErrors &
  typeof brokerErrors &
  typeof approvalErrors &
  typeof loginErrors &
  typeof secretRequestErrors &
  typeof providerErrors &
  typeof deviceErrors &
  typeof sessionErrors = /* @__PURE__ */ Object.assign(
  {},
  commonErrors,
  brokerErrors,
  approvalErrors,
  loginErrors,
  secretRequestErrors,
  providerErrors,
  deviceErrors,
  sessionErrors,
);

export type ErrorCode = keyof typeof errors;

/** Media type of problem documents (RFC 9457 section 3). */
export const problemMediaType = 'application/problem+json';
