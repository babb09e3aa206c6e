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
  readonly body: string;
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
  /** The connection had been used before and was closed before any byte of a response arrived. */
  readonly isStale: boolean;

  constructor(reason: string, isStale = false) {
    super(reason);
    this.reason = reason;
    this.isStale = isStale;
  }
}

/** A response that is complete and cannot be used: it was altered on the way, or cut off without an announced length. */
export const damagedReply = (): ExchangeError => new ExchangeError('DamagedReply');

/** One pool per endpoint, so that the idle connections of one endpoint can be closed. */
const pools = new Map<string, Agent>();
const maxConnections = 50;

/**
 * Sends a request and reads the response. While Lambda suspends a process, AWS closes its idle connections, and the
 * process notices only when it writes to one. Such a request is sent again at once, over a new connection.
 * @throws ExchangeError
 */
export async function exchange(request: HttpRequest, limits: TimeLimits): Promise<HttpReply> {
  const pool = poolOf(request.endpoint);
  try {
    return await send(request, limits, pool);
  } catch (error) {
    if (!(error instanceof ExchangeError && error.isStale)) throw error;
    // The other idle connections were suspended together with this one.
    closeIdleConnections(pool);
    return await send(request, limits, pool);
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
    const outgoing = open({ agent, hostname, port, method, path, headers });
    let connectTimer: NodeJS.Timeout | undefined;
    const requestTimer = setTimeout(() => fail('TimeoutError'), requestMs);
    const settle = () => {
      clearTimeout(requestTimer);
      clearTimeout(connectTimer);
    };
    const fail = (reason: string, isStale = false) => {
      settle();
      reject(new ExchangeError(reason, isStale));
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
    outgoing.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? 'ERR_HTTP', isStale(outgoing, error)));
    outgoing.end(body);
  });
}

const isStale = ({ reusedSocket, res }: ClientRequest & { res?: unknown }, { code }: NodeJS.ErrnoException): boolean =>
  reusedSocket && (res === undefined || res === null) && (code === 'ECONNRESET' || code === 'EPIPE');

function collect(incoming: IncomingMessage, fail: (reason: string) => void, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.once('end', () => {
    const [only] = chunks;
    done(chunks.length === 1 && only !== undefined ? only : joinAndZero(chunks));
  });
  // The connection ended before the announced length, or before the last chunk.
  incoming.once('error', (error: NodeJS.ErrnoException) => fail(error.code ?? 'ERR_HTTP'));
}

/** Zeroes the parts, because responses of KMS contain keys. */
function joinAndZero(chunks: readonly Buffer[]): Buffer {
  const body = Buffer.concat(chunks);
  for (const chunk of chunks) chunk.fill(0);
  return body;
}
