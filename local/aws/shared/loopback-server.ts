import type { IncomingMessage, RequestListener, Server } from 'node:http';
import { createServer } from 'node:http';
import { LocalError, systemErrorCode } from './errors.ts';

const loopback = '127.0.0.1';
const closeGraceMs = 3_000;

/** For how long a connection may keep the vault waiting, milliseconds. */
export interface ConnectionTimeouts {
  /** For the head of a request. */
  readonly headersMs: number;
  /** For a whole request; 0 sets no end, for bodies of any length. */
  readonly requestMs: number;
  /** For the next piece of a body, or until the next piece of an answer is taken. */
  readonly stallMs: number;
}

const defaultTimeouts: ConnectionTimeouts = { headersMs: 15_000, requestMs: 120_000, stallMs: 60_000 };

export interface ListenOptions {
  /** 0 takes any free one. */
  readonly port: number;
  /** What chooses another port. */
  readonly option?: string;
  readonly timeouts?: Partial<ConnectionTimeouts> | undefined;
}

/**
 * Listens on this machine's loopback only. Throws a LocalError when the port is taken, which names the option that chooses another.
 * A connection that stalls is closed; one that waits for its answer is not.
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
      // Node ends a silent connection itself unless somebody listens.
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
      `Port ${port} is used by another program, perhaps another vault. Nothing was started. ` +
        `Stop that program, or choose another port: npm start -- ${option} ${port + 10}`,
    );
  });
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : port };
}

/** Stops listening and lets running requests end; those that take too long lose their connection. */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), closeGraceMs);
  await closed;
  clearTimeout(timer);
}

/** The whole body, or undefined when it is longer than `maxBytes`. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop must not destroy the connection: the refusal still has to be read at its other end.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('A request body was read as text.');
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
