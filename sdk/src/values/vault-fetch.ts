/** Requests that the vault makes with values that this client does not see (docs/broker.md). */
import { brokerRoutes } from '../../../contract/broker/routes.ts';
import type { UseMethod } from '../../../contract/broker/usage-rules.ts';
import type { FetchAuth, FetchRequest, FetchResponse, PendingFetch } from '../../../contract/broker/wire.ts';
import { withRetries } from '../http/retry.ts';
import type { Transport } from '../http/transport.ts';
import { notSentError } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { type AnimaError, createError } from '../shared/errors.ts';
import {
  type Decoder,
  decodeBoolean,
  decodeCount,
  decodeObject,
  decodeOneOf,
  decodeStringMap,
  decodeText,
  optional,
} from '../shared/json-decoders.ts';
import type { ApprovalWait } from './approval-ticket.ts';
import { approvedFetch } from './approved-fetch.ts';
import { addBrokerErrors } from './broker-errors.ts';

/** The `Response` type of the target platform. */
export type PlatformResponse = typeof globalThis extends { Response: { prototype: infer R } } ? R : object;

/** Like the second argument of `fetch`. Texts may contain `{{anima://path}}`, except in `body` if it is binary. */
export interface VaultFetchInit extends CallOptions, ApprovalWait {
  method?: UseMethod | undefined;
  /** An object, pairs, or `Headers`. */
  headers?: Readonly<Record<string, string>> | Iterable<readonly [string, string]> | undefined;
  /** Added to the query of the address, encoded. */
  query?: Readonly<Record<string, string>> | undefined;
  /** Text, `URLSearchParams` (sent as a form), or bytes. */
  body?: string | Uint8Array | Iterable<readonly [string, string]> | undefined;
  /** Sent as JSON instead of `body`. */
  json?: unknown;
  /** A signing scheme, for example `{ type: 'basic', user, password }`. */
  auth?: FetchAuth | undefined;
  /** Time limit of the exchange with the host, milliseconds. Default and maximum: 10 000. */
  hostTimeout?: number | undefined;
  /** Bytes of the response body that are returned. Default: 262 144; maximum: 786 432. */
  maxResponseBytes?: number | undefined;
}

const decodeFetchResponse: Decoder<FetchResponse> = decodeObject<FetchResponse>({
  status: decodeCount,
  statusText: decodeText,
  headers: decodeStringMap,
  redirectHost: optional(decodeText),
  body: optional(decodeText),
  bodyOmitted: optional(decodeOneOf(['redirect', 'compressed', 'binary'])),
  truncated: optional(decodeBoolean),
});

const decodePending: Decoder<PendingFetch> = decodeObject<PendingFetch>({
  approval: decodeObject<PendingFetch['approval']>({
    id: decodeText,
    handle: optional(decodeText),
    run: optional(decodeText),
    state: decodeOneOf(['asked']),
    devices: decodeCount,
    expiresAt: decodeText,
    retryAfterSeconds: decodeCount,
  }),
});

const decodeAnswer: Decoder<FetchResponse | PendingFetch> = (json) => decodeFetchResponse(json) ?? decodePending(json);

/** Errors after which nothing was sent to the host, and the same request can succeed. */
const repeatableCodes: readonly string[] = ['credential_busy', 'use_limit_reached', 'key_unavailable'];

export async function fetchWithValues(
  transport: Transport,
  url: string | { readonly href: string },
  init: VaultFetchInit,
): Promise<PlatformResponse> {
  addBrokerErrors();
  const settings = {
    ...transport.callSettings(
      init,
      ...['method', 'headers', 'query', 'body', 'json', 'auth', 'hostTimeout', 'maxResponseBytes'],
      ...['approval', 'reason', 'onApproval'],
    ),
    outcomeHint: 'The request may or may not have reached the host',
  };
  const body = buildFetchRequest(typeof url === 'string' ? url : url.href, init);
  const isRepeatable = (error: AnimaError) => repeatableCodes.includes(error.code);
  const send = (asked: FetchRequest) => {
    const call = { route: brokerRoutes.fetch, body: asked };
    const once = () => transport.request(call, { ...settings, maxRetries: 0 }, decodeAnswer);
    return withRetries(settings, once, isRepeatable);
  };
  return toResponse(await approvedFetch(send, body, init, settings));
}

/** @throws AnimaError invalid_argument */
function buildFetchRequest(address: string, init: VaultFetchInit): FetchRequest {
  const { method, headers, json, auth, hostTimeout, maxResponseBytes } = init;
  const { url, query } = splitQuery(address);
  return {
    url,
    method,
    headers: headers === undefined ? undefined : toRecord(headers),
    query: query === undefined && init.query === undefined ? undefined : { ...query, ...init.query },
    json,
    ...bodyFields(init.body),
    auth,
    timeoutMs: hostTimeout,
    maxResponseBytes,
  };
}

/** Query parameters with placeholders are separate members of the request, because the address must not have any. */
function splitQuery(address: string): { url: string; query: Record<string, string> | undefined } {
  const at = address.indexOf('?');
  if (at < 0 || !address.includes('anima', at) || !URL.canParse(address)) return { url: address, query: undefined };
  const url = new URL(address);
  const filled = [...url.searchParams].filter(([, value]) => value.includes('{{'));
  for (const [name] of filled) url.searchParams.delete(name);
  return { url: url.href, query: Object.fromEntries(filled) };
}

function bodyFields(body: VaultFetchInit['body']): Pick<FetchRequest, 'body' | 'form' | 'bodyBase64'> {
  if (body === undefined) return {};
  if (typeof body === 'string') return { body };
  if (body instanceof Uint8Array) return { bodyBase64: toBase64(body) };
  if (isIterable(body)) return { form: toRecord(body) };
  throw notSentError('invalid_argument', 'body is not a string, URLSearchParams or Uint8Array');
}

const isIterable = (value: object): value is Iterable<readonly [string, string]> =>
  typeof Reflect.get(value, Symbol.iterator) === 'function';

function toRecord(
  entries: Readonly<Record<string, string>> | Iterable<readonly [string, string]>,
): Record<string, string> {
  // `URLSearchParams` and `Headers` are objects without properties of their own.
  if (!isIterable(entries)) return { ...entries };
  const pairs = [...entries];
  if (new Set(pairs.map(([name]) => name)).size < pairs.length)
    throw notSentError('invalid_argument', 'a header or form field occurs twice');
  return Object.fromEntries(pairs);
}

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Statuses whose responses have no body (Fetch Standard, "null body status"). */
const nullBodyStatuses: readonly number[] = [204, 205, 304];

function toResponse(answer: FetchResponse): PlatformResponse {
  const { status, statusText, headers, body, redirectHost, bodyOmitted, truncated } = answer;
  if (status < 200 || status > 599) {
    throw createError('unexpected_response', { detail: `the host answered with status ${status}` });
  }
  const added = {
    ...(redirectHost === undefined ? {} : { 'anima-redirect-host': redirectHost }),
    ...(bodyOmitted === undefined ? {} : { 'anima-body-omitted': bodyOmitted }),
    ...(truncated === true ? { 'anima-truncated': 'true' } : {}),
  };
  const all = Object.entries({ ...headers, ...added }).map(([name, value]): [string, string] => [name, toAscii(value)]);
  return new Response(nullBodyStatuses.includes(status) ? null : (body ?? null), {
    status,
    statusText: toAscii(statusText),
    headers: all,
  });
}

/** Headers and reasons are bytes in the Fetch Standard. */
const toAscii = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?');
