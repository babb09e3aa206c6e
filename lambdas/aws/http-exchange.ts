/** One HTTP request and its complete response, over connections that all clients of the process share. */
import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';

// An ESM import of node:http costs 34 ms of CPU at a cold start, and this 4 ms: it builds no namespace object.
const https = process.getBuiltinModule('node:https');
const http = process.getBuiltinModule('node:http');

/** Where a service is reached. */
export interface Endpoint {
  readonly protocol: 'http:' | 'https:';
  readonly hostname: string;
  /** Empty for the default port of the protocol. */
  readonly port: string;
}

export interface HttpRequest {
  readonly endpoint: Endpoint;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface TimeLimits {
  /** Until a new connection is established, milliseconds. */
  readonly connectMs: number;
  /** Until the response is complete, milliseconds. */
  readonly requestMs: number;
}

/** There was no complete response. `reason`: `TimeoutError`, or the error code of Node.js or of this module. */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError';
  readonly reason: string;
  /**
   * The connection had been used before, and no response arrived over it: it was `closed`, or nothing was heard from it
   * until the time limit. Undefined in all other cases.
   */
  readonly reused: 'closed' | 'silent' | undefined;

  constructor(reason: string, reused?: 'closed' | 'silent') {
    super(reason);
    this.reason = reason;
    this.reused = reused;
  }
}

/** A response that is complete and cannot be used: it was altered on the way, or cut off without an announced length. */
export const damagedReply = (): ExchangeError => new ExchangeError('DamagedReply');

/** One pool per endpoint, so that the idle connections of one endpoint can be closed. */
const pools = new Map<string, Agent>();
const maxConnections = 50;

/**
 * Maximum length of a response. The longest one that the vault needs is that of BatchGetItem: 16 MB of items, of which
 * base64 makes 22 MB. Memory must not depend on the length of what somebody has stored.
 */
export const maxReplyBytes = 32 * 1024 * 1024;

/**
 * Sends a request and reads the response. While Lambda suspends a process, AWS closes its idle connections, and the
 * process notices only when it writes to one. Such a request is sent again at once, over a new connection, within the
 * same time limit. A connection whose end was lost on the way stays silent instead: the next request must not meet
 * another one of the same age.
 * @throws ExchangeError
 */
export async function exchange(request: HttpRequest, limits: TimeLimits): Promise<HttpReply> {
  const pool = poolOf(request.endpoint);
  const deadline = performance.now() + limits.requestMs;
  try {
    return await send(request, limits, pool);
  } catch (error) {
    if (!(error instanceof ExchangeError) || error.reused === undefined) throw error;
    // The other idle connections were suspended together with this one.
    closeIdleConnections(pool);
    if (error.reused === 'silent') throw error;
    return await send(request, { ...limits, requestMs: Math.max(1, deadline - performance.now()) }, pool);
  }
}

function poolOf({ protocol, hostname, port }: Endpoint): Agent {
  const name = `${protocol}//${hostname}:${port}`;
  let pool = pools.get(name);
  if (pool === undefined) {
    const options = { keepAlive: true, maxSockets: maxConnections };
    pool = protocol === 'https:' ? new https.Agent(options) : new http.Agent(options);
    pools.set(name, pool);
  }
  return pool;
}

function closeIdleConnections({ freeSockets }: Agent): void {
  for (const sockets of Object.values(freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}

function send(request: HttpRequest, { connectMs, requestMs }: TimeLimits, agent: Agent): Promise<HttpReply> {
  const { endpoint, method, path, headers, body } = request;
  const { hostname, port, protocol } = endpoint;
  return new Promise((resolve, reject) => {
    const { request: open } = protocol === 'https:' ? https : http;
    const outgoing: OutgoingRequest = open({ agent, hostname, port, method, path, headers });
    let connectTimer: NodeJS.Timeout | undefined;
    const requestTimer = setTimeout(
      () => fail('TimeoutError', isUnanswered(outgoing) ? 'silent' : undefined),
      requestMs,
    );
    const settle = () => {
      clearTimeout(requestTimer);
      clearTimeout(connectTimer);
    };
    const fail = (reason: string, reused?: 'closed' | 'silent') => {
      settle();
      reject(new ExchangeError(reason, reused));
      outgoing.destroy();
    };
    outgoing.once('socket', (socket) => {
      if (!socket.connecting) return;
      connectTimer = setTimeout(() => fail('TimeoutError'), connectMs);
      socket.once('connect', () => clearTimeout(connectTimer));
    });
    outgoing.once('response', (incoming) => {
      collect(incoming, fail, (content) => {
        settle();
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: content });
      });
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      fail(error.code ?? 'ERR_HTTP', isClosed(error) && isUnanswered(outgoing) ? 'closed' : undefined),
    );
    outgoing.end(body);
  });
}

type OutgoingRequest = ClientRequest & { readonly res?: unknown };

/** Whether the connection had been used before, and no response has arrived. */
const isUnanswered = ({ reusedSocket, res }: OutgoingRequest): boolean =>
  reusedSocket && (res === undefined || res === null);

const isClosed = ({ code }: NodeJS.ErrnoException): boolean => code === 'ECONNRESET' || code === 'EPIPE';

function collect(incoming: IncomingMessage, fail: (reason: string) => void, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  incoming.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxReplyBytes) fail('ReplyTooLarge');
  });
  incoming.once('end', () => {
    const [only] = chunks;
    done(chunks.length === 1 && only !== undefined ? only : joinAndZero(chunks));
  });
  // The connection ended before the announced length, or before the last chunk, or at a limit.
  incoming.once('error', (error: NodeJS.ErrnoException) => {
    zero(chunks);
    fail(error.code ?? 'ERR_HTTP');
  });
}

function joinAndZero(chunks: readonly Buffer[]): Buffer {
  const body = Buffer.concat(chunks);
  zero(chunks);
  return body;
}

/** Responses of KMS contain keys. */
function zero(chunks: readonly Buffer[]): void {
  for (const chunk of chunks) chunk.fill(0);
}
