/** Sends one HTTP request to a public address and reads a bounded response. */
import { lookup } from 'node:dns/promises';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { connect as secure } from 'node:tls';
import type { OutboundRequest } from '../requests/outbound-request.ts';
import { ipLiteralOf, isLoopbackAddress, isPublicAddress } from '../rules/public-addresses.ts';

/** Network functions used by a request; tests replace them. */
export interface Network {
  /** Resolves a name to all its addresses. */
  resolve(hostname: string): Promise<string[]>;
  /** Connects to an address, never to a name, because the name could resolve to another address by then. */
  dial(address: string, port: number): Socket;
}

export const nodeNetwork: Network = {
  resolve: async (hostname) => (await lookup(hostname, { all: true })).map(({ address }) => address),
  dial: (address, port) => connect({ host: address, port }),
};

const neverAborted = new AbortController().signal;

export interface OutboundLimits {
  /** Time-out of the connection including TLS, milliseconds. */
  readonly connectMs: number;
  /** Time-out of the whole exchange, milliseconds. */
  readonly totalMs: number;
  /** Maximum body bytes to read; the rest is not read, and with 0 the body is not waited for. */
  readonly bodyBytes: number;
  /** Maximum bytes of status line and headers. */
  readonly headerBytes: number;
}

export interface OutboundResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [string, string])[];
  /** At most `bodyBytes`. */
  readonly body: Buffer;
}

/** How far a request came: before or after its addresses were known, or after its first byte may have been sent. */
export type OutboundStage = 'address' | 'connection' | 'exchange';

/** Why there is no response. The message is one of a fixed set and contains no part of the request or the response. */
export class OutboundRequestError extends Error {
  readonly stage: OutboundStage;
  readonly isTimeout: boolean;

  static {
    OutboundRequestError.prototype.name = 'OutboundRequestError';
  }

  constructor(message: string, stage: OutboundStage, isTimeout = false) {
    super(message);
    this.stage = stage;
    this.isTimeout = isTimeout;
  }
}

/**
 * Sends one request and reads its response. The name is resolved once, and all its addresses must be allowed. The
 * connection goes to one of these addresses. Over https the certificate is verified for the name before any byte of
 * the request is sent. No proxy, no redirects, no retries.
 * @throws OutboundRequestError
 */
export async function sendOutboundRequest(
  outgoing: OutboundRequest,
  limits: OutboundLimits,
  { resolve, dial }: Network = nodeNetwork,
  cancelled: AbortSignal = neverAborted,
): Promise<OutboundResponse> {
  const late = AbortSignal.timeout(limits.totalMs);
  const signal = AbortSignal.any([late, cancelled]);
  const reason = () =>
    cancelled.aborted ? 'it was cancelled' : `it was not complete within ${limits.totalMs / 1000} seconds`;
  let socket: Socket | undefined;
  let stage: OutboundStage = 'address';
  try {
    const addresses = await rejectOnAbort(resolveAllowedAddresses(outgoing, resolve), signal);
    stage = 'connection';
    socket = await connectToFirst(outgoing.url, addresses, limits.connectMs, dial, signal);
    stage = 'exchange';
    return await requestOverSocket(socket, outgoing, limits, signal);
  } catch (error) {
    if (signal.aborted) throw new OutboundRequestError(reason(), stage, !cancelled.aborted);
    throw error instanceof OutboundRequestError
      ? error
      : new OutboundRequestError(describeConnectionError(error), stage);
  } finally {
    socket?.destroy();
  }
}

async function resolveAllowedAddresses(
  { url, allowsLoopback }: OutboundRequest,
  resolve: Network['resolve'],
): Promise<string[]> {
  const literal = ipLiteralOf(url.hostname);
  const addresses = literal === undefined ? await resolve(url.hostname).catch(() => []) : [literal];
  if (addresses.length === 0) throw new OutboundRequestError('its host has no address', 'address');
  // One disallowed address is enough to refuse, so that the result does not depend on which address is used.
  if (!addresses.every((address) => isPublicAddress(address) || (allowsLoopback && isLoopbackAddress(address)))) {
    throw new OutboundRequestError('its host has an address that is not on the public internet', 'address');
  }
  return addresses;
}

/** Connects to the first address that accepts, including TLS. */
async function connectToFirst(
  url: URL,
  addresses: readonly string[],
  connectMs: number,
  dial: Network['dial'],
  signal: AbortSignal,
): Promise<Socket> {
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const soon = AbortSignal.any([signal, AbortSignal.timeout(connectMs)]);
  let last: unknown;
  for (const address of addresses) {
    const plain = dial(address, port);
    // A socket that is closed during TLS reports errors that are no longer awaited.
    plain.on('error', () => undefined);
    try {
      await waitForSocketEvent(plain, 'connect', soon);
      return url.protocol === 'https:' ? await withTls(plain, url, soon) : plain;
    } catch (error) {
      plain.destroy();
      if (soon.aborted)
        throw new OutboundRequestError(
          `there was no connection within ${connectMs / 1000} seconds`,
          'connection',
          true,
        );
      last = error;
      // Other addresses of the same name have the same certificate requirements, so a certificate error is final.
      if (error instanceof OutboundRequestError) throw error;
    }
  }
  throw last;
}

async function withTls(plain: Socket, url: URL, signal: AbortSignal): Promise<Socket> {
  const literal = ipLiteralOf(url.hostname);
  // Set explicitly, because NODE_TLS_REJECT_UNAUTHORIZED=0 would change the default.
  const socket = secure({
    socket: plain,
    host: literal ?? url.hostname,
    ...(literal === undefined ? { servername: url.hostname } : {}),
    rejectUnauthorized: true,
  });
  socket.on('error', () => undefined);
  await waitForSocketEvent(socket, 'secureConnect', signal).catch((error: unknown) => {
    socket.destroy();
    throw signal.aborted ? error : new OutboundRequestError(describeTlsError(error), 'connection');
  });
  return socket;
}

async function requestOverSocket(
  socket: Socket,
  outgoing: OutboundRequest,
  limits: OutboundLimits,
  signal: AbortSignal,
): Promise<OutboundResponse> {
  const { url, method, headers, body } = outgoing;
  const request = httpRequest({
    createConnection: () => socket,
    method,
    path: url.pathname + url.search,
    setHost: false,
    headers: {
      host: url.host,
      ...Object.fromEntries(headers),
      connection: 'close',
      'accept-encoding': 'identity',
      // Always set: for some methods Node sends a body without its length.
      ...(body !== undefined || /^P/.test(method) ? { 'content-length': body?.length ?? 0 } : {}),
    },
    maxHeaderSize: limits.headerBytes,
    insecureHTTPParser: false,
    signal,
  });
  const answer = waitForResponse(request);
  request.end(body);
  const response = await answer;
  return {
    status: response.statusCode ?? 0,
    statusText: response.statusMessage ?? '',
    headers: headerPairs(response.rawHeaders),
    body: await readBody(response, limits.bodyBytes),
  };
}

/** Waits for the final response. A 101 would switch to another protocol; Node skips other 1xx responses. */
function waitForResponse(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.once('upgrade', (_, socket) => {
      socket.destroy();
      reject(new OutboundRequestError('the host switched to another protocol', 'exchange'));
    });
    request.on('error', reject);
  });
}

async function readBody(response: IncomingMessage, most: number): Promise<Buffer> {
  if (most === 0) return Buffer.alloc(0);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= most) break;
  }
  return Buffer.concat(chunks).subarray(0, most);
}

function headerPairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i]?.toLowerCase() ?? '', raw[2 * i + 1] ?? '']);
}

/** Waits for a socket event. Rejects if the socket fails or closes, or on abort. */
function waitForSocketEvent(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  return rejectOnAbort(
    new Promise((resolve, reject) => {
      socket.once(event, resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed')));
    }),
    signal,
  );
}

function rejectOnAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Error('aborted'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

const systemErrorCode = (error: unknown): string =>
  String((error instanceof Error && Reflect.get(error, 'code')) || '');

function describeConnectionError(error: unknown): string {
  const code = systemErrorCode(error);
  if (code === 'HPE_HEADER_OVERFLOW') return 'the response headers are too large';
  if (code.startsWith('HPE_')) return 'the response is not valid HTTP';
  if (code === 'ECONNREFUSED') return 'its host refused the connection';
  return 'the connection failed, or broke before the response was complete';
}

function describeTlsError(error: unknown): string {
  const code = systemErrorCode(error);
  const untrusted = /CERT|SIGNATURE|ALTNAME|ISSUER|CHAIN/.test(code);
  return untrusted
    ? 'the certificate of its host is not trusted for that name'
    : 'no TLS connection to its host could be made';
}
