/** Answers that are no success, as errors. Nothing of a body is repeated except fields of the vault's own problems. */
import { problemTypePrefix } from '../../../contract/shared/error-codes.ts';
import { type AnimaError, errorOf, type InputProblem, isErrorCode } from '../shared/errors.ts';
import { isRecord } from '../shared/is-plain-object.ts';
import { parseRetryAfter } from './retry.ts';

/** An answer that did not succeed, as the error it tells of. */
export function problemOf(response: Response, text: string): AnimaError {
  const problem = parseJson(text);
  if (!isRecord(problem) || problem.type !== `${problemTypePrefix}${problem.code}`) {
    return unexpected(
      response,
      isRedirect(response) ? 'it is a redirect, which a key must not follow' : 'it is no problem document',
    );
  }
  const { code } = problem;
  if (!isErrorCode(code)) return unexpected(response, 'its error code is unknown to this version of the SDK');
  return errorOf(code, {
    status: response.status,
    requestId: cleanId(problem.requestId) ?? headerId(response),
    detail: clean(problem.detail),
    retryAfter: parseRetryAfter(response.headers.get('retry-after')),
    currentVersion: versionIn(problem),
    problems: inputProblems(problem.errors),
  });
}

/** An answer that is not the vault's. */
export function unexpected(response: Response, why: string): AnimaError {
  return errorOf('unexpected_response', {
    status: response.status,
    requestId: headerId(response),
    detail: `HTTP ${response.status}, and ${why}. Check that baseURL is the address of an Anima vault`,
    retryAfter: parseRetryAfter(response.headers.get('retry-after')),
  });
}

/** The error of one item of a batch, or undefined when it has not the documented shape. */
export function itemError(error: unknown): AnimaError | undefined {
  if (!isRecord(error) || !isErrorCode(error.code)) return undefined;
  return errorOf(error.code, { detail: clean(error.detail), currentVersion: versionIn(error) });
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

function versionIn({ currentVersion }: Record<string, unknown>): number | undefined {
  return typeof currentVersion === 'number' ? currentVersion : undefined;
}

function headerId(response: Response): string | undefined {
  return cleanId(response.headers.get('x-request-id') ?? response.headers.get('apigw-requestid'));
}

function cleanId(id: unknown): string | undefined {
  return typeof id === 'string' && /^[\w.:=+/-]{1,128}$/.test(id) ? id : undefined;
}

function inputProblems(list: unknown): InputProblem[] {
  if (!Array.isArray(list)) return [];
  return list.filter(isRecord).map(({ path, message }) => ({ path: clean(path) ?? '', message: clean(message) ?? '' }));
}

/** Text for people, with what could be an API key taken out: a faulty server may repeat what it was sent. */
function clean(text: unknown): string | undefined {
  return typeof text === 'string' ? text.slice(0, 1000).replace(/anm_\w+/g, 'anm_…') : undefined;
}
