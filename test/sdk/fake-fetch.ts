import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { problemTypePrefix } from '../../contract/shared/common-error-codes.ts';
import { type ErrorCode, errors } from '../../contract/shared/error-codes.ts';
import type { ValueInfo } from '../../contract/values/wire.ts';
import { formatApiKey } from '../../core/api-keys/api-key.ts';
import { formatUserKey } from '../../core/users/user-key.ts';
import { Anima, type AnimaOptions } from '../../sdk/src/index.ts';

/** A well-formed key that no vault ever issued. */
export const secret = 'S3cretS3cretS3cretS3cretS3cretS3cretS3cretS';
export const apiKey = formatApiKey({ org: '0123456789abcdef', id: 'fedcba9876543210', secret });

/** The same, of an organization of a local vault. */
export const localApiKey = formatApiKey({ org: 'local456789abcde', id: 'fedcba9876543210', secret });

/** The owner of a user key of the same organization. */
export const owner = { org: '0123456789abcdef', user: 'ghjkmnpqrstvwxyz' };
export const userKey = formatUserKey({ ...owner, secret });

export const baseURL = 'https://vault.test';

/** One recorded request. */
export interface SentRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: unknown;
}

type Answer = Response | Error | ((seen: SentRequest, signal: AbortSignal) => Response | Promise<Response>);

/** A `fetch` that returns the answers in order, repeats the last one, and records the requests. */
export function fakeFetch(...answers: Answer[]) {
  const seen: SentRequest[] = [];
  const fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const request: SentRequest = {
      url: String(input),
      method: init.method ?? 'GET',
      headers: Object.fromEntries(new Headers(init.headers)),
      body: typeof init.body === 'string' ? JSON.parse(init.body) : undefined,
    };
    const answer = answers[Math.min(seen.length, answers.length - 1)];
    seen.push(request);
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error('there is no prepared answer');
    return answer instanceof Response ? answer.clone() : answer(request, init.signal ?? new AbortController().signal);
  };
  return { fetch, seen };
}

/** A client with a fake `fetch`. */
export function clientOf(fetch: typeof globalThis.fetch, options: AnimaOptions = {}): Anima {
  return new Anima({ apiKey, baseURL, fetch, ...options });
}

/** A client with a fake `fetch` and a user key. */
export const userClientOf = (fetch: typeof globalThis.fetch, options: AnimaOptions = {}): Anima =>
  clientOf(fetch, { apiKey: userKey, ...options });

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });

/** A problem document in the vault's format. */
export function problem(code: ErrorCode, more: object = {}, headers: Record<string, string> = {}): Response {
  const { status, title, retryable } = errors[code];
  const body = { type: problemTypePrefix + code, code, title, status, retryable, requestId: 'req-1', ...more };
  return json(body, status, headers);
}

export const info = (name: string, version = 1): ValueInfo => ({
  name,
  version,
  createdAt: '2026-11-21T03:00:00.000Z',
  metadata: {},
});

/** The error of a promise that is expected to reject. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}

/** A local server, for tests that need a real connection. */
export async function serve(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ url: string; server: Server }> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, server };
}
