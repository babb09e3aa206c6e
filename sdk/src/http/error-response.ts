/** Answers that are no success, as errors. Nothing of a body is repeated except fields of the vault's own problems. */
import { problemTypePrefix } from '../../../contract/shared/error-codes.ts';
import { type AnimaError, createError, type InputProblem, isErrorCode } from '../shared/errors.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';
import { parseRetryAfter } from './retry.ts';

/** An answer that did not succeed, as the error it tells of. */
export function errorFromResponse(response: Response, text: string): AnimaError {
  const problem = parseJson(text);
  if (!isPlainObject(problem) || problem.type !== `${problemTypePrefix}${problem.code}`) {
    return unexpectedResponseError(
      response,
      isRedirect(response) ? 'it is a redirect, which a key must not follow' : 'it is no problem document',
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

/** An answer that is not the vault's. */
export function unexpectedResponseError(response: Response, why: string): AnimaError {
  return createError('unexpected_response', {
    status: response.status,
    requestId: requestIdFromHeaders(response),
    detail: `HTTP ${response.status}, and ${why}. Check that baseURL is the address of an Anima vault`,
    retryAfter: parseRetryAfter(response.headers.get('retry-after')),
  });
}

/** The error of one item of a batch, or undefined when it has not the documented shape. */
export function decodeItemError(error: unknown): AnimaError | undefined {
  if (!isPlainObject(error) || !isErrorCode(error.code)) return undefined;
  return createError(error.code, { detail: redactKeys(error.detail), currentVersion: currentVersionIn(error) });
}

/** JSON, or undefined. The SyntaxError is dropped: it quotes the text, and the text may hold values. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Not followed, a redirect has status 0 in browsers; a custom `fetch` may have followed it all the same. */
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

/** Text for people, with what could be an API key taken out: a faulty server may repeat what it was sent. */
function redactKeys(text: unknown): string | undefined {
  return typeof text === 'string' ? text.slice(0, 1000).replace(/anm_\w+/g, 'anm_…') : undefined;
}
