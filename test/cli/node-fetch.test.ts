import type { Server } from 'node:http';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { nodeFetch } from '../../cli/shell/node-fetch.ts';
import { serve } from '../sdk/fake-fetch.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  vi.restoreAllMocks();
});

/** A server that answers with the method, the headers and the body of each request. */
async function echo(): Promise<string> {
  const served = await serve((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const body = Buffer.concat(pieces).toString('latin1');
      response.end(JSON.stringify({ method: request.method, headers: request.headers, body }));
    });
  });
  server = served.server;
  return served.url;
}

describe('the fetch of the command', () => {
  test.each([
    ['text', '{"a":"ä"}', Buffer.from('{"a":"ä"}').toString('latin1')],
    ['bytes', Uint8Array.of(0, 1, 255), '\u0000\u0001ÿ'],
  ])('sends a body of %s with its length', async (_kind, body, seen) => {
    const init = { method: 'PUT', headers: { 'x-a': 'b' }, body, redirect: 'manual' } as const;
    const answer = JSON.parse(await (await nodeFetch(await echo(), init)).text());
    expect(answer).toMatchObject({ method: 'PUT', body: seen });
    expect(answer.headers).toMatchObject({ 'x-a': 'b', 'content-length': String(seen.length) });
  });

  test('gives the body as a stream, whose cancellation closes the connection', async () => {
    let closed = Promise.resolve();
    const served = await serve((request, response) => {
      closed = new Promise((resolve) => request.socket.once('close', () => resolve()));
      response.write('first');
    });
    server = served.server;
    const { body } = await nodeFetch(served.url, { headers: {}, redirect: 'manual' });
    const reader = body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('first');
    await reader?.cancel();
    await closed;
  });

  test('refuses an encoded answer, because it asks for none', async () => {
    const served = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
    );
    server = served.server;
    const answer = nodeFetch(served.url, { headers: {}, redirect: 'manual' });
    await expect(answer).rejects.toMatchObject({ code: 'ERR_CONTENT_ENCODING' });
  });

  test.each([
    ['a form', { method: 'POST', headers: {}, body: new FormData(), redirect: 'manual' }],
    ['a request that follows redirects', { headers: {} }],
  ] as const)('leaves %s to the platform', async (_what, init) => {
    const answer = new Response('from the platform');
    vi.spyOn(globalThis, 'fetch').mockResolvedValue(answer);
    expect(await nodeFetch('http://127.0.0.1:1', init)).toBe(answer);
  });
});
