/**
 * The error codes that each route can answer with, for the OpenAPI document. Derived from the form of the request, from
 * the authentication and from the group of the route.
 */
import { type RouteAuth, type RouteGroup, type RouteId, routes } from './routes.ts';
import { type ErrorCode, errors } from './shared/error-codes.ts';

/** What the request of a route consists of, as far as it decides about errors. */
export interface RequestForm {
  readonly hasBody: boolean;
  readonly hasCursor: boolean;
  readonly hasName: boolean;
}

const orgState: readonly ErrorCode[] = ['org_locked', 'org_shredded', 'decryption_failed', 'key_unavailable'];

const codesByAuth: Readonly<Record<RouteAuth, readonly ErrorCode[]>> = {
  'api-key': ['missing_api_key', 'invalid_api_key', 'api_key_revoked', 'api_key_expired', 'forbidden', ...orgState],
  user: ['missing_credential', 'invalid_credential', 'forbidden', ...orgState],
  device: ['device_refused', 'request_expired', ...orgState],
  'session-device': ['device_refused', 'request_expired', ...orgState],
  invite: ['invite_refused', ...orgState],
  // Only if a deployment loses the authorizer of the gateway (lambdas/middleware/require-operator.ts).
  iam: ['forbidden'],
  signature: ['signature_refused', 'decryption_failed', 'key_unavailable'],
  none: [],
};

const blobCodes: readonly ErrorCode[] = [
  'blob_not_found',
  'blob_not_uploaded',
  'blob_expired',
  'blob_spent',
  'blob_deleted',
  'write_contention',
];

/** Codes of uses that need an approval. */
const agentCodes: readonly ErrorCode[] = [
  'approval_denied',
  'approval_not_found',
  'approval_mismatch',
  'approval_used',
  'approval_uncertain',
  'approval_refused',
  'approver_unavailable',
  'directory_refused',
  'approval_expired',
  'approval_pending',
];

const codesByGroup: Readonly<Record<RouteGroup, readonly ErrorCode[]>> = {
  public: ['key_unavailable'],
  operator: ['key_unavailable', 'write_contention'],
  admin: ['api_key_not_found', 'login_not_found', 'write_contention'],
  reader: ['value_not_found', 'version_not_found', 'value_expired', 'value_not_readable'],
  writer: ['value_too_large', 'version_conflict', 'write_id_reused', 'write_contention'],
  broker: [
    'value_not_found',
    'version_not_found',
    'value_expired',
    'invalid_name',
    'use_refused',
    'destination_refused',
    'value_unusable',
    'search_full',
    'use_limit_reached',
    'upstream_failed',
    'upstream_timeout',
    'credential_busy',
    'credential_refused',
    'credential_uncertain',
    ...agentCodes,
    'write_contention',
  ],
  rotator: ['write_contention'],
  shredder: ['no_shred_pending', 'write_contention'],
  auditor: [],
  blobs: [...blobCodes, 'blob_completed', 'upload_mismatch', 'blob_too_large'],
  links: [...blobCodes, ...orgState, 'proof_refused'],
  users: ['user_not_found', 'write_contention'],
  accounts: [
    'login_refused',
    'too_many_attempts',
    'login_taken',
    'last_slot',
    'too_many_slots',
    'slot_not_found',
    'write_contention',
  ],
  memory: [
    'record_not_found',
    'record_exists',
    'record_too_large',
    'version_conflict',
    'write_id_reused',
    'write_contention',
  ],
  devices: [
    'device_vault_not_found',
    'recovery_not_found',
    'pairing_not_found',
    'device_vault_exists',
    'too_many_device_vaults',
    'log_conflict',
    'bundle_replaced',
    'prune_refused',
    'pairing_conflict',
    'device_vault_full',
    'entry_refused',
    'too_many_pairings',
    'write_contention',
  ],
  directory: [
    'checkpoint_not_found',
    'invite_exists',
    'too_many_invites',
    'log_conflict',
    'entry_refused',
    'directory_full',
    'not_allowed',
    'bundle_not_found',
    'bundle_outdated',
    'bundle_refused',
    'too_many_prekeys',
    'conversation_conflict',
    'conversation_refused',
    'write_contention',
  ],
  approvals: [
    'approval_not_found',
    'approval_expired',
    'approval_answered',
    'answer_refused',
    'approval_key_refused',
    'not_approver',
    'person_key_conflict',
  ],
  relay: ['write_contention', 'attachment_not_found', 'too_many_attachments', 'endpoint_refused'],
  webhooks: [],
  logins: ['identity_refused', 'too_many_attempts', 'key_unavailable', 'decryption_failed'],
  'secret-requests': [
    'invalid_name',
    'secret_request_not_found',
    'secret_request_filled',
    'secret_request_denied',
    'secret_request_expired',
    'write_contention',
  ],
  explainer: ['invalid_name', 'record_not_found', 'user_not_found', 'blob_not_found', 'value_not_found'],
};

/** Codes of single routes of a group. */
const codesByRoute: Readonly<Partial<Record<RouteId, readonly ErrorCode[]>>> = {
  // A login has no key, but its failures are those of a credential.
  logIn: ['forbidden', 'key_unavailable'],
  createSecretRequest: ['name_taken', 'too_many_attempts'],
  lookAtSecretRequest: ['proof_refused', ...orgState],
  fillSecretRequest: ['proof_refused', 'name_taken', ...orgState],
  denySecretRequest: ['proof_refused', ...orgState],
};

/** Codes that only items of a batch have, within a response with status 200. */
export const itemOnlyCodes: readonly ErrorCode[] = ['reply_full'];

/** Codes of requests that no route matches. */
export const unroutedCodes: readonly ErrorCode[] = ['route_not_found', 'method_not_allowed'];

/** The error codes of a route, in the order of the complete list. */
export function errorCodesOf(id: RouteId, { hasBody, hasCursor, hasName }: RequestForm): ErrorCode[] {
  const { auth, group, method } = routes[id];
  const codes = new Set<ErrorCode>([
    'invalid_request',
    'internal',
    'unavailable',
    ...('verb' in routes[id] ? (['audit_unavailable'] as const) : []),
    ...(hasBody ? (['request_too_large', 'unsupported_media_type'] as const) : []),
    ...(hasCursor ? (['invalid_cursor'] as const) : []),
    ...(hasName ? (['invalid_name'] as const) : []),
    ...(method === 'GET' || auth === 'signature' ? [] : (['precondition_failed'] as const)),
    ...(codesByRoute[id] ?? []),
    ...codesByAuth[auth],
    ...codesByGroup[group],
  ]);
  return (Object.keys(errors) as ErrorCode[]).filter((code) => codes.has(code));
}

/**
 * Responses of API Gateway itself, before or instead of the function: `{"message": …}`, which cannot be customized for
 * HTTP APIs. 403 only comes from an IAM authorizer, so a refused operator gets no problem document.
 */
export function gatewayStatusesOf(id: RouteId): Readonly<Record<string, string>> {
  return {
    400: 'The path has an invalid percent-encoding',
    ...(routes[id].auth === 'iam' ? { 403: 'The request is not signed by a permitted AWS principal (SigV4)' } : {}),
    413: 'The body exceeds 10 MB, or the request exceeds the limit of the function',
    429: 'The rate limit of the deployment is exceeded',
    431: 'The request line and the headers together exceed 10,240 bytes',
    500: 'The function failed without a response',
    503: 'The function did not respond in time',
  };
}
