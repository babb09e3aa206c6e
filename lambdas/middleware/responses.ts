import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { problemTypePrefix } from '../../contract/shared/common-error-codes.ts';
import { type ErrorCode, errors, problemMediaType } from '../../contract/shared/error-codes.ts';
import type { ErrorExtras } from '../../contract/shared/vault-error.ts';
import type { Problem } from '../../contract/shared/wire.ts';
import { classifyError } from '../shared/error-classification.ts';

/** Set on every response: it is data for its caller only and must not be cached or rendered as a page. */
const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=63072000; includeSubDomains',
  'x-content-type-options': 'nosniff',
};

export function jsonResponse(status: number, body: unknown, requestId: string): APIGatewayProxyStructuredResultV2 {
  return buildResponse(status, 'application/json', JSON.stringify(body), requestId);
}

/** A response in the format that a message provider expects. */
export interface RawBody {
  readonly contentType: string;
  readonly body: string;
}

export function rawResponse(
  status: number,
  { contentType, body }: RawBody,
  requestId: string,
): APIGatewayProxyStructuredResultV2 {
  return buildResponse(status, contentType, body, requestId);
}

const internalError: { readonly code: ErrorCode; readonly extras: ErrorExtras } = { code: 'internal', extras: {} };

/** Builds an RFC 9457 problem document with a code from the closed list, for any error. */
export function problemResponse(
  error: unknown,
  requestId: string,
): { code: ErrorCode; answer: APIGatewayProxyStructuredResultV2 } {
  const known = classifyError(error) ?? internalError;
  const { code } = known;
  const { allow, ...extras }: ErrorExtras = known.extras;
  const { status, title, retryable } = errors[code];
  const { retryAfterSeconds = 1, ...members } = extras;
  const body: Problem = { type: problemTypePrefix + code, code, title, status, ...members, retryable, requestId };
  const answer = buildResponse(status, problemMediaType, JSON.stringify(body), requestId);
  // RFC 9110 section 15.5.6: a response with 405 has the header Allow.
  if (allow !== undefined) answer.headers = { ...answer.headers, allow: allow.join(', ') };
  if (retryable) answer.headers = { ...answer.headers, 'retry-after': String(retryAfterSeconds) };
  if (status === 401) answer.headers = { ...answer.headers, 'www-authenticate': 'Bearer realm="anima"' };
  return { code, answer };
}

function buildResponse(
  statusCode: number,
  type: string,
  body: string,
  requestId: string,
): APIGatewayProxyStructuredResultV2 {
  return {
    statusCode,
    headers: { ...securityHeaders, 'content-type': type, 'x-request-id': requestId },
    body,
  };
}
