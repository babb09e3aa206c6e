import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { LocalError, systemErrorCode } from './errors.ts';

const loopback = '127.0.0.1';
const closeGraceMs = 3_000;

/** Timeouts of a connection, in milliseconds. */
export interface ConnectionTimeouts {
  /** For the headers of a request. */
  readonly headersMs: number;
  /** For a complete request. 0 disables the timeout, for bodies of any length. */
  readonly requestMs: number;
  /** For the next chunk of a request body, or until the client reads the next chunk of the response. */
  readonly stallMs: number;
}

const defaultTimeouts: ConnectionTimeouts = { headersMs: 15_000, requestMs: 120_000, stallMs: 60_000 };

export interface ListenOptions {
  /** 0 selects a free port. */
  readonly port: number;
  /** The command-line option for the port, for the error message. */
  readonly option?: string;
  readonly timeouts?: Partial<ConnectionTimeouts> | undefined;
}

/**
 * Listens only on the loopback interface. Stalled connections are closed, but not connections that wait for a response.
 * @throws LocalError if the port is in use. It names the option that selects another port
 */
export async function listenOnLoopback(
  listener: RequestListener,
  { port, option = '--port', timeouts }: ListenOptions,
): Promise<{ server: Server; port: number }> {
  const { headersMs, requestMs, stallMs } = { ...defaultTimeouts, ...timeouts };
  const server = createServer(
    {
      keepAliveTimeout: 65_000,
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      connectionsCheckingInterval: headersMs / 4,
    },
    (request, response) => {
      // Without this listener, Node would destroy every idle connection.
      response.on('timeout', () => {
        if (!request.complete || response.headersSent) request.socket.destroy();
      });
      listener(request, response);
    },
  );
  server.setTimeout(stallMs);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, loopback, resolve);
  }).catch((error: unknown) => {
    if (systemErrorCode(error) !== 'EADDRINUSE') throw error;
    throw new LocalError(
      `Port ${port} is in use by another program, possibly another vault. Nothing was started. ` +
        `Stop that program, or choose another port: npm start -- ${option} ${port + 10}`,
    );
  });
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : port };
}

/** Stops listening and waits for running requests. Connections of requests that take too long are closed. */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), closeGraceMs);
  await closed;
  clearTimeout(timer);
}

/** Reads the complete body. Undefined if it is longer than `maxBytes`. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  // The end of the loop must not destroy the connection, because the client still has to receive the error response.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('A request body was read as text.');
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
