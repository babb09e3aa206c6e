/**
 * Converts unsuccessful responses to errors. Only fields of the vault's own problem documents are copied from a body.
 */
import { problemTypePrefix } from '../../../contract/shared/common-error-codes.ts';
import { type AnimaError, createError, type InputProblem, isErrorCode } from '../shared/errors.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';
import { parseRetryAfter } from './retry.ts';

/** Converts an unsuccessful response to an error. */
export function errorFromResponse(response: Response, text: string): AnimaError {
  const problem = parseJson(text);
  if (!isPlainObject(problem) || problem.type !== `${problemTypePrefix}${problem.code}`) {
    return unexpectedResponseError(
      response,
      isRedirect(response) ? 'it is a redirect, which is not followed with a key' : 'it is not a problem document',
    );
  }
  const { code } = problem;
  if (!isErrorCode(code))
    return unexpectedResponseError(response, 'its error code is unknown to this version of the SDK');
  return createError(code, {
    status: response.status,
    requestId: sanitizeRequestId(problem.requestId) ?? requestIdFromHeaders(response),
    detail: redactKeys(problem.detail),
    retryAfter: parseRetryAfter(response.headers.get('retry-after')),
    currentVersion: currentVersionIn(problem),
    problems: decodeInputProblems(problem.errors),
  });
}

/** Error for a response that the vault did not send. */
export function unexpectedResponseError(response: Response, why: string): AnimaError {
  return createError('unexpected_response', {
    status: response.status,
    requestId: requestIdFromHeaders(response),
    detail: `HTTP ${response.status}, and ${why}. Check that baseURL is the address of an Anima vault`,
    retryAfter: parseRetryAfter(response.headers.get('retry-after')),
  });
}

/** The error of one batch item, or undefined if it does not have the documented shape. */
export function decodeItemError(error: unknown): AnimaError | undefined {
  if (!isPlainObject(error) || !isErrorCode(error.code)) return undefined;
  return createError(error.code, { detail: redactKeys(error.detail), currentVersion: currentVersionIn(error) });
}

/**
 * Parses JSON; undefined if it is invalid. The SyntaxError is dropped, because it quotes the text, which may contain
 * values.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** In browsers an unfollowed redirect has status 0. A custom `fetch` may have followed it anyway. */
function isRedirect(response: Response): boolean {
  return response.redirected || response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400);
}

function currentVersionIn({ currentVersion }: Record<string, unknown>): number | undefined {
  return typeof currentVersion === 'number' ? currentVersion : undefined;
}

function requestIdFromHeaders(response: Response): string | undefined {
  return sanitizeRequestId(response.headers.get('x-request-id') ?? response.headers.get('apigw-requestid'));
}

function sanitizeRequestId(id: unknown): string | undefined {
  return typeof id === 'string' && /^[\w.:=+/-]{1,128}$/.test(id) ? id : undefined;
}

function decodeInputProblems(list: unknown): InputProblem[] {
  if (!Array.isArray(list)) return [];
  return list
    .filter(isPlainObject)
    .map(({ path, message }) => ({ path: redactKeys(path) ?? '', message: redactKeys(message) ?? '' }));
}

/** Removes possible API keys from text, because a faulty server may repeat what it received. */
function redactKeys(text: unknown): string | undefined {
  return typeof text === 'string' ? text.slice(0, 1000).replace(/anm_\w+/g, 'anm_…') : undefined;
}
