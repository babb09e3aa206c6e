/** A server in this process that answers like `GET /v1/values/{name+}`. Its CPU time is not counted. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Every request gets a value of 64 characters. */
const value = {
  name: 'prod/stripe/key',
  version: 1,
  createdAt: '2026-11-29T12:00:00.000Z',
  metadata: { owner: 'billing' },
  value: 'x'.repeat(64),
};

export async function startCannedServer(): Promise<{ readonly url: string; close(): void }> {
  const body = JSON.stringify(value);
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  };
  const server = createServer((_request, response) => response.writeHead(200, headers).end(body));
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
