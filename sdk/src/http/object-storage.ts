/**
 * Requests to ciphertext storage (S3) at URLs that the vault presigned. They never carry an API key or any part of a
 * link.
 */

import {
  type CallSettings,
  type Fetch,
  maxTimeoutMs,
  nodeProcessPart,
  platformFetch,
  type Signal,
} from '../shared/client-options.ts';
import { type AnimaError, createError } from '../shared/errors.ts';
import { isHttpsOrLoopback } from '../shared/url.ts';
import { withTimeout } from './retry.ts';
import { connectionErrorCode } from './transport.ts';

/** Bytes written to a connection at a time. */
const streamChunkBytes = 2 ** 20;

/**
 * Slowest accepted transfer rate, bytes per millisecond. A time-out is meant for stalled transfers, not for large
 * ones.
 */
const minBytesPerMs = 16;

export interface StorageRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer> | FormData;
}

/** @throws AnimaError storage_refused */
export function checkStorageUrl(url: string): string {
  if (URL.canParse(url) && isHttpsOrLoopback(new URL(url))) return url;
  throw createError('storage_refused', {
    detail: 'the storage URL of the vault is not https, or http to this machine. Nothing was sent to it',
  });
}

/** Call settings for a transfer of `bytes` bytes, with the time-out extended to allow for its size. */
export const withTransferTimeout = (bytes: number, settings: CallSettings): CallSettings => ({
  ...settings,
  timeout: Math.min(maxTimeoutMs, settings.timeout + Math.ceil(bytes / minBytesPerMs)),
});

/**
 * Sends one request and reads the whole response. @throws AnimaError storage_refused, connection_failed, timeout,
 * aborted
 */
export function requestStorage(
  fetch: Fetch,
  request: StorageRequest,
  settings: CallSettings,
  expected?: number,
): Promise<Uint8Array> {
  return withTimeout(settings, async (signal) => {
    const response = await startStorageRequest(fetch, request, settings, signal);
    await checkStorageResponse(response, expected);
    return await response.arrayBuffer().then((bytes) => new Uint8Array(bytes), throwConnectionFailed(settings));
  });
}

/** Sends one request and returns the response before its body is read. @throws AnimaError connection_failed */
export async function startStorageRequest(
  fetch: Fetch,
  { url, method, headers = {}, body }: StorageRequest,
  settings: CallSettings,
  signal: Signal,
): Promise<Response> {
  const sent =
    body instanceof Uint8Array && canSendStreams(fetch) ? toStreamBody(body) : { body: body ?? null, headers: {} };
  const init = { method, ...sent, headers: { ...headers, ...sent.headers }, redirect: 'manual', signal } as const;
  return await fetch(url, init).catch(throwConnectionFailed(settings));
}

/**
 * Node's `fetch` can send a stream with a content length. Browsers, Deno and Bun use chunked encoding, if they support
 * streams at all, and S3 rejects it. Deno and Bun also have Node's `process`, with their own names in `versions`.
 */
function canSendStreams(fetch: Fetch): boolean {
  const versions = nodeProcessPart('versions');
  return fetch === platformFetch && versions !== undefined && !('deno' in versions) && !('bun' in versions);
}

/** Node copies a byte body twice; a stream is sent without copying. */
function toStreamBody(bytes: Uint8Array) {
  let at = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        if (at >= bytes.length) return controller.close();
        controller.enqueue(bytes.subarray(at, at + streamChunkBytes));
        at += streamChunkBytes;
      },
    },
    { highWaterMark: 0 },
  );
  return { body, duplex: 'half', headers: { 'content-length': String(bytes.length) } } as const;
}

/** Reports a lost connection. The error never contains the URL, because a presigned URL grants access. */
export const throwConnectionFailed =
  ({ outcomeHint }: CallSettings) =>
  (error: unknown): never => {
    throw createError('connection_failed', {
      detail: `${connectionErrorCode(error)} at ciphertext storage. ${outcomeHint}`,
    });
  };

/**
 * Throws unless the response has the expected status, or any success status if none is given.
 * @throws AnimaError storage_refused with the status
 */
export async function checkStorageResponse(response: Response, expected?: number): Promise<void> {
  const fine = expected === undefined ? response.ok : response.status === expected;
  if (fine && !response.redirected) return;
  // A successful response with the wrong status may contain a whole large object, so only error bodies are read.
  const words = response.ok ? void (await response.body?.cancel()) : await response.text().catch(() => '');
  throw storageRefusedError(response.status, typeof words === 'string' ? words : '');
}

/** Only the error code (S3's `<Code>`) is repeated from a storage response, because the rest may quote the request. */
function storageRefusedError(status: number, words: string): AnimaError {
  const [, code] = /<Code>([A-Za-z]{1,60})<\/Code>/.exec(words.slice(0, 10_000)) ?? [];
  const told = code === undefined ? `HTTP ${status}` : `HTTP ${status}, ${code}`;
  return createError('storage_refused', { status, detail: `${told}. ${advice(status)}` });
}

function advice(status: number): string {
  if (status === 403) return 'The URL has probably expired (30 minutes). Repeat the call to get a new one';
  if (status === 404) return 'The object was deleted, or the upload was ended';
  return 'The transfer is incomplete; repeat it';
}
