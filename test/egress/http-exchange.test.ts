/** The HTTP exchange: address, connection, time limits and size limits. */
import { createServer as createSecureServer } from 'node:https';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Network, type OutboundLimits, sendOutboundRequest } from '../../egress/exchange/outbound-http.ts';
import type { OutboundRequest } from '../../egress/requests/outbound-request.ts';
import { settlesBefore } from '../shared/settles-before.ts';
import { type HostileServer, startHostileServer } from './hostile-server.ts';
import { selfSigned } from './self-signed-certificate.ts';

const limits: OutboundLimits = { connectMs: 1000, totalMs: 1500, bodyBytes: 4096, headerBytes: 16_384 };
const trusted = selfSigned(['api.example.com', 'other.example.com'], ['127.0.0.1']);
const untrusted = selfSigned(['api.example.com'], ['127.0.0.1']);
let secure: HostileServer;
let impostor: HostileServer;
let silent: Server;

beforeAll(async () => {
  setDefaultCACertificates([trusted.cert]);
  secure = await startHostileServer(
    (handler) => createSecureServer(trusted, handler) as unknown as import('node:http').Server,
  );
  impostor = await startHostileServer(
    (handler) => createSecureServer(untrusted, handler) as unknown as import('node:http').Server,
  );
  silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  await secure.close();
  await impostor.close();
  silent.close();
});

/**
 * A network in which each lookup returns the next of the given answers, and every public address leads to one local
 * port.
 */
function fakeNetwork(port: number, ...answers: string[][]) {
  const resolved: string[] = [];
  const dialled: string[] = [];
  const sockets: Socket[] = [];
  const fake: Network = {
    resolve: async (hostname) => {
      resolved.push(hostname);
      return answers[Math.min(resolved.length, answers.length) - 1] ?? [];
    },
    dial: (address, to) => {
      dialled.push(`${address}:${to}`);
      const socket = connect({ host: '127.0.0.1', port });
      sockets.push(socket);
      return socket;
    },
  };
  return { fake, resolved, dialled, sockets };
}

const outgoing = (url: string, more: Partial<OutboundRequest> = {}): OutboundRequest => ({
  url: new URL(url),
  method: 'GET',
  headers: new Map([['authorization', 'Bearer the-secret']]),
  body: undefined,
  allowsLoopback: false,
  ...more,
});

const send = (to: OutboundRequest, { fake }: { fake: Network }, signal = new AbortController().signal) =>
  sendOutboundRequest(to, limits, fake, signal);

beforeEach(() => {
  secure.received.length = 0;
  impostor.received.length = 0;
});

describe('the address', () => {
  test('is resolved once and dialled as checked; the name stays in Host and in the certificate', async () => {
    const net = fakeNetwork(secure.port, ['8.8.8.8', '2606:4700::1111'], ['127.0.0.1']);
    const { status, body } = await send(outgoing('https://api.example.com/x?y=1'), net);
    expect([status, body.toString()]).toEqual([200, 'ok']);
    expect(net.resolved).toEqual(['api.example.com']);
    expect(net.dialled).toEqual(['8.8.8.8:443']);
    expect(secure.received).toMatchObject([{ url: '/x?y=1', headers: { host: 'api.example.com' } }]);
  });

  test('of a name that changes its answer is never dialled unchecked', async () => {
    const net = fakeNetwork(secure.port, ['127.0.0.1'], ['8.8.8.8']);
    await expect(send(outgoing('https://api.example.com/'), net)).rejects.toThrow('not on the public internet');
    expect(net.dialled).toEqual([]);
  });

  test.each([
    [['8.8.8.8', '10.0.0.1']],
    [['2606:4700::1111', '::ffff:10.0.0.1']],
    [['169.254.169.254']],
    [['64:ff9b::a9fe:a9fe']],
  ])('is refused when one of %j is not public, before anything is dialled', async (addresses) => {
    const net = fakeNetwork(secure.port, addresses);
    await expect(send(outgoing('https://api.example.com/'), net)).rejects.toThrow('not on the public internet');
    expect(net.dialled).toEqual([]);
  });

  test.each([
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://2130706433/',
    'https://169.254.169.254/',
    'http://[::ffff:a9fe:a9fe]/',
  ])('of %s is refused without a question to any resolver', async (url) => {
    const net = fakeNetwork(secure.port, ['8.8.8.8']);
    await expect(send(outgoing(url), net)).rejects.toThrow('not on the public internet');
    expect([net.resolved, net.dialled]).toEqual([[], []]);
  });

  test('of this machine is reached where that was allowed, others beside the internet still not', async () => {
    const net = fakeNetwork(secure.port);
    const local = (url: string) => send(outgoing(url, { allowsLoopback: true }), net);
    expect((await local(`https://127.0.0.1:${secure.port}/`)).status).toBe(200);
    await expect(local('https://10.0.0.1/')).rejects.toThrow('not on the public internet');
    await expect(local('https://169.254.169.254/')).rejects.toThrow('not on the public internet');
  });

  test('that nobody has is a failure, and so is a resolver that fails or hangs', async () => {
    await expect(send(outgoing('https://api.example.com/'), fakeNetwork(1, []))).rejects.toThrow('has no address');
    const failing = { fake: { ...fakeNetwork(1).fake, resolve: () => Promise.reject(new Error('no')) } };
    await expect(send(outgoing('https://api.example.com/'), failing)).rejects.toThrow('has no address');
    const hanging = { fake: { ...fakeNetwork(1).fake, resolve: () => new Promise<string[]>(() => undefined) } };
    await expect(send(outgoing('https://api.example.com/'), hanging)).rejects.toThrow(
      'was not complete within 1.5 seconds',
    );
  });
});

describe('the certificate', () => {
  test('that nobody trusts ends it before a byte of the request leaves, whatever the environment says', async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      const net = fakeNetwork(impostor.port, ['8.8.8.8', '1.1.1.1']);
      await expect(send(outgoing('https://api.example.com/'), net)).rejects.toThrow(
        'certificate of its host is not trusted',
      );
      expect(net.dialled).toHaveLength(1);
      expect(impostor.received).toEqual([]);
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    }
  });

  test('of another name ends it too', async () => {
    const net = fakeNetwork(secure.port, ['8.8.8.8']);
    await expect(send(outgoing('https://else.example.com/'), net)).rejects.toThrow(
      'certificate of its host is not trusted',
    );
    expect(secure.received).toEqual([]);
  });

  test('is not to be had from a server that speaks no TLS, or nothing', async () => {
    const port = (silent.address() as { port: number }).port;
    const sent = send(outgoing('https://api.example.com/'), fakeNetwork(port, ['8.8.8.8']));
    expect(await settlesBefore(1400, sent)).toBe(true);
    await expect(sent).rejects.toThrow('no connection within 1 seconds');
  });
});

describe('the answer', () => {
  const over = async (path: string, more: Partial<OutboundRequest> = {}) => {
    const net = fakeNetwork(secure.port, ['8.8.8.8']);
    const result = send(outgoing(`https://api.example.com${path}`, more), net);
    await result.catch(() => undefined);
    // Whatever the result, no connection stays open.
    expect(net.sockets.every(({ destroyed }) => destroyed)).toBe(true);
    return await result;
  };

  test.each(['/slow', '/silent'])('of %s is given up when its time is over', async (path) => {
    const answered = over(path);
    expect(await settlesBefore(3000, answered)).toBe(true);
    await expect(answered).rejects.toThrow('was not complete within 1.5 seconds');
  });

  test('without end is read up to the limit and left', async () => {
    expect((await over('/endless')).body.length).toBe(4096);
  });

  test.each([
    ['/headers', 'response headers are too large'],
    ['/malformed', 'not valid HTTP'],
    ['/short', 'broke before the response was complete'],
    ['/upgrade', 'switched to another protocol'],
  ])('of %s is told as one of a few sentences', async (path, message) => {
    const error: unknown = await over(path).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain(message);
    expect(JSON.stringify([String(error), error])).not.toContain('secret');
  });

  test('that redirects is told, and nobody is asked again', async () => {
    expect((await over('/elsewhere')).status).toBe(307);
    expect(secure.received).toHaveLength(1);
  });

  test('ends with the cancellation of the call', async () => {
    const net = fakeNetwork(secure.port, ['8.8.8.8']);
    const signal = AbortSignal.timeout(100);
    await expect(send(outgoing('https://api.example.com/silent'), net, signal)).rejects.toThrow('it was cancelled');
    expect(net.sockets.every(({ destroyed }) => destroyed)).toBe(true);
  });

  test.each(['DELETE', 'OPTIONS', 'POST', 'PATCH'])('to %s: the body is framed by its length', async (method) => {
    await over('/', { method, body: Buffer.from('GET /stolen HTTP/1.1\r\n\r\n') });
    expect(secure.received).toMatchObject([{ method, headers: { 'content-length': '24' } }]);
  });
});
