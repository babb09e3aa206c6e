/** One HTTP request to a public address, and a bounded answer. */
import { lookup } from 'node:dns/promises';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { connect as secure } from 'node:tls';
import { ipLiteralOf, isLoopbackAddress, isPublicAddress } from './public-addresses.ts';

/** What of the network an exchange uses. Tests put their own in its place. */
export interface Network {
  /** All addresses of a name. */
  resolve(hostname: string): Promise<string[]>;
  /** Opens a connection to an address: never to a name, which could by then be another address. */
  dial(address: string, port: number): Socket;
}

export const nodeNetwork: Network = {
  resolve: async (hostname) => (await lookup(hostname, { all: true })).map(({ address }) => address),
  dial: (address, port) => connect({ host: address, port }),
};

export interface OutboundLimits {
  /** Milliseconds until the connection stands, TLS included. */
  readonly connectMs: number;
  /** Milliseconds for all of it. */
  readonly totalMs: number;
  /** Bytes of the body that are read; what is beyond is left. */
  readonly bodyBytes: number;
  /** Bytes of status line and headers. */
  readonly headerBytes: number;
}

export interface OutboundRequest {
  readonly url: URL;
  readonly method: string;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer | undefined;
  /** Whether the host may be an address of this machine. */
  readonly allowsLoopback: boolean;
}

export interface OutboundResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [string, string])[];
  /** At most `bodyBytes`. */
  readonly body: Buffer;
}

/** Why there is no answer. The message is of a fixed set, without anything of the request or of what came back. */
export class OutboundRequestError extends Error {
  static {
    OutboundRequestError.prototype.name = 'ExchangeProblem';
  }
}

/**
 * Sends one request and reads its answer. The name is resolved once; all its addresses must be allowed; the connection goes to one of those very
 * addresses; over https the certificate is verified for the name before a byte of the request leaves. No proxy, no redirect, no second attempt.
 * @throws ExchangeProblem
 */
export async function sendOutboundRequest(
  outgoing: OutboundRequest,
  limits: OutboundLimits,
  { resolve, dial }: Network,
  cancelled: AbortSignal,
): Promise<OutboundResponse> {
  const late = AbortSignal.timeout(limits.totalMs);
  const signal = AbortSignal.any([late, cancelled]);
  const reason = () =>
    cancelled.aborted ? 'it was cancelled' : `it did not end within ${limits.totalMs / 1000} seconds`;
  let socket: Socket | undefined;
  try {
    const addresses = await rejectOnAbort(resolveAllowedAddresses(outgoing, resolve), signal);
    socket = await connectToFirst(outgoing.url, addresses, limits.connectMs, dial, signal);
    return await requestOverSocket(socket, outgoing, limits, signal);
  } catch (error) {
    if (signal.aborted) throw new OutboundRequestError(reason());
    throw error instanceof OutboundRequestError ? error : new OutboundRequestError(describeConnectionError(error));
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
  if (addresses.length === 0) throw new OutboundRequestError('its host has no address');
  // One that is not allowed is enough: which of them is used is not to be a matter of luck.
  if (!addresses.every((address) => isPublicAddress(address) || (allowsLoopback && isLoopbackAddress(address)))) {
    throw new OutboundRequestError('its host has an address that is not of the public internet');
  }
  return addresses;
}

/** A connection to the first address that answers, TLS included. */
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
    // Closed under it, a socket reports errors that nobody waits for any more.
    plain.on('error', () => undefined);
    try {
      await waitForSocketEvent(plain, 'connect', soon);
      return url.protocol === 'https:' ? await withTls(plain, url, soon) : plain;
    } catch (error) {
      plain.destroy();
      if (soon.aborted) throw new OutboundRequestError(`there was no connection within ${connectMs / 1000} seconds`);
      last = error;
      // Another address of the same name would be asked with the same trust: a bad certificate ends it.
      if (error instanceof OutboundRequestError) throw error;
    }
  }
  throw last;
}

async function withTls(plain: Socket, url: URL, signal: AbortSignal): Promise<Socket> {
  const literal = ipLiteralOf(url.hostname);
  // Said, not left to the default, which NODE_TLS_REJECT_UNAUTHORIZED=0 would turn off.
  const socket = secure({
    socket: plain,
    host: literal ?? url.hostname,
    ...(literal === undefined ? { servername: url.hostname } : {}),
    rejectUnauthorized: true,
  });
  socket.on('error', () => undefined);
  await waitForSocketEvent(socket, 'secureConnect', signal).catch((error: unknown) => {
    socket.destroy();
    throw signal.aborted ? error : new OutboundRequestError(describeTlsError(error));
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
      // Said always: of some methods Node sends a body without telling where it ends.
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

/** The final answer. 101 would be another protocol; those before it are passed over by Node. */
function waitForResponse(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.once('upgrade', (_, socket) => {
      socket.destroy();
      reject(new OutboundRequestError('the host changed to another protocol'));
    });
    request.on('error', reject);
  });
}

async function readBody(response: IncomingMessage, most: number): Promise<Buffer> {
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

/** Waits for an event of a socket; rejects with its error, its end, or the abort. */
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
  if (code === 'HPE_HEADER_OVERFLOW') return 'the headers of its answer are too large';
  if (code.startsWith('HPE_')) return 'its answer is not valid HTTP';
  if (code === 'ECONNREFUSED') return 'its host refused the connection';
  return 'the connection failed, or broke before the answer was whole';
}

function describeTlsError(error: unknown): string {
  const code = systemErrorCode(error);
  const untrusted = /CERT|SIGNATURE|ALTNAME|ISSUER|CHAIN/.test(code);
  return untrusted
    ? 'the certificate of its host is not trusted for that name'
    : 'no TLS connection to its host could be made';
}
