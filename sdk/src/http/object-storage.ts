/** Requests to the store of ciphertext (S3), at addresses that the vault signed: never with an API key, and with nothing of a link. */

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

/** Bytes given to a connection at once. */
const streamChunkBytes = 2 ** 20;

/** Slowest transfer that is waited for, bytes per millisecond: a time-out is for what hangs, not for what is large. */
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
    detail: 'the vault gave an address that is not https, or http to this machine. Nothing was sent there',
  });
}

/** The settings of one transfer of so many bytes, whose time-out leaves room for them. */
export const withTransferTimeout = (bytes: number, settings: CallSettings): CallSettings => ({
  ...settings,
  timeout: Math.min(maxTimeoutMs, settings.timeout + Math.ceil(bytes / minBytesPerMs)),
});

/** One attempt of a request whose answer is read whole. @throws AnimaError storage_refused, connection_failed, timeout, aborted */
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

/** One request, its answer's body still to come. @throws AnimaError connection_failed */
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

/** Node's own `fetch` lets a stream be sent with a length. In browsers it would travel in chunks, which S3 refuses, if at all. */
const canSendStreams = (fetch: Fetch): boolean => fetch === platformFetch && nodeProcessPart('versions') !== undefined;

/** Node copies a body of bytes, twice: as a stream it is sent from where it lies. */
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

/** What a lost connection is told as: never with the address, which is a permission by itself. */
export const throwConnectionFailed =
  ({ outcomeHint }: CallSettings) =>
  (error: unknown): never => {
    throw createError('connection_failed', {
      detail: `${connectionErrorCode(error)} at the store of ciphertext. ${outcomeHint}`,
    });
  };

/**
 * Refuses answers that are not of this status, or that are no success when none is given.
 * @throws AnimaError storage_refused with the status
 */
export async function checkStorageResponse(response: Response, expected?: number): Promise<void> {
  const fine = expected === undefined ? response.ok : response.status === expected;
  if (fine && !response.redirected) return;
  // A whole object in place of a range may be long: only the words of a refusal are read.
  const words = response.ok ? void (await response.body?.cancel()) : await response.text().catch(() => '');
  throw storageRefusedError(response.status, typeof words === 'string' ? words : '');
}

/** Of what the store says only its error code is repeated (S3's `<Code>`): the rest may quote the request. */
function storageRefusedError(status: number, words: string): AnimaError {
  const [, code] = /<Code>([A-Za-z]{1,60})<\/Code>/.exec(words.slice(0, 10_000)) ?? [];
  const told = code === undefined ? `HTTP ${status}` : `HTTP ${status}, ${code}`;
  return createError('storage_refused', { status, detail: `${told}. ${advice(status)}` });
}

function advice(status: number): string {
  if (status === 403)
    return 'The address is likely past its time: 30 minutes. Ask the vault for a new one by a new call';
  if (status === 404) return 'It is not there any more: it was deleted, or the upload was ended';
  return 'The transfer is not complete; make it again';
}
