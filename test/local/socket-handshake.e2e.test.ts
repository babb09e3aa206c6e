/** How a connection of the WebSocket API is established, or refused. */
import { request } from 'node:http';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLocalVault } from '../../local/vault/local-vault.ts';
import { browserOrNone } from '../link-page/chromium.ts';
import { openSocket } from './socket-client.ts';
import { useSocketStack } from './socket-fixture.ts';

const stack = useSocketStack();
const protocols = ['anima.v1', 't.SECRETTICKET'];

/** Status of the answer to an upgrade request. */
const upgradeStatus = (url: string, headers: Record<string, string> = {}): Promise<number> =>
  new Promise((resolve, reject) => {
    const upgrade = request(url.replace('ws:', 'http:'), {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        ...headers,
      },
    });
    upgrade.once('response', (response) => resolve(response.resume().statusCode ?? 0));
    upgrade.once('upgrade', (_, socket) => {
      socket.destroy();
      resolve(101);
    });
    upgrade.once('error', reject);
    upgrade.end();
  });

describe('the subprotocol', () => {
  test('that the function returns is echoed, and the ticket is not', async () => {
    const { socket } = await stack().open('', protocols);
    expect(socket.protocol).toBe('anima.v1');
    socket.close();
  });

  test('is needed: without the echo a client that offers some fails', async () => {
    const { url } = stack().sockets;
    await expect(openSocket(`${url}?does=no-subprotocol`, protocols)).rejects.toThrow('Server sent no subprotocol');
    // A client that offers none does not need it.
    const { socket } = await stack().open('?does=no-subprotocol');
    socket.close();
  });
});

describe('a browser', () => {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await browserOrNone();
  });
  afterAll(async () => await browser?.close());

  const connectInPage = async (query: string): Promise<string> => {
    const page = await browser?.newPage();
    await page?.goto(`${stack().vault.url}/page`);
    const outcome = await page?.evaluate(
      ([url = '', ...offered]) =>
        new Promise<string>((resolve) => {
          const socket = new WebSocket(url, offered);
          socket.onopen = () => socket.send('{"type":"ping"}');
          socket.onmessage = ({ data }) => resolve(`${socket.protocol} ${data}`);
          socket.onerror = () => resolve('failed');
        }),
      [`${stack().sockets.url}${query}`, ...protocols],
    );
    await page?.close();
    return outcome ?? '';
  };

  test('connects from a page of another port, and fails without the echo of a subprotocol', async ({ skip }) => {
    if (browser === undefined) return skip();
    expect(await connectInPage('')).toBe('anima.v1 {"type":"pong"}');
    expect(await connectInPage('?does=no-subprotocol')).toBe('failed');
  });
});

describe('a connection is refused', () => {
  test.each([
    ['with the status of the function', 'refuse401', 401],
    ['with the status of the function', 'refuse403', 403],
    ['with the status of the function', 'refuse410', 410],
    ['if the function returns no status', 'no-status', 502],
    ['if the function returns nothing', 'nothing', 502],
    ['if the function throws', 'throw', 502],
    ['if the worker of the function is killed', 'exit', 502],
  ])('%s: %s is %i', async (_, does, status) => {
    const { sockets, reports } = stack();
    const before = reports('disconnect').length;
    await expect(openSocket(`${sockets.url}?does=${does}`)).rejects.toThrow(`Unexpected server response: ${status}`);
    expect(sockets.connectionIds()).toEqual([]);
    // A connection that was never established is not disconnected, and the next one is established.
    const { socket, closed } = await stack().open();
    socket.close();
    await closed;
    await expect.poll(() => reports('disconnect').length).toBe(before + 1);
  });

  test('at other paths than that of the stage, before the function is invoked', async () => {
    const { url } = stack().sockets;
    const before = stack().reports('connect').length;
    expect(await upgradeStatus(`${url}x?does=report`)).toBe(403);
    expect(await upgradeStatus(url.replace('/v1', '//?does=report'))).toBe(403);
    expect(await upgradeStatus(`${url}/more?does=report`)).toBe(403);
    expect(await upgradeStatus(`${url}?does=report`, { 'sec-websocket-version': '12' })).toBe(400);
    expect(await upgradeStatus(`${url}?does=report`, { 'sec-websocket-key': 'short' })).toBe(400);
    expect(stack().reports('connect').length).toBe(before);
  });

  test('if the URL is longer than 4,096 characters', async () => {
    const { url } = stack().sockets;
    const path = new URL(url).pathname;
    const padding = 'x'.repeat(4096 - `${path}?`.length);
    expect(await upgradeStatus(`${url}?${padding}`)).toBe(101);
    expect(await upgradeStatus(`${url}?${padding}x`)).toBe(414);
  });

  test('as a plain request', async () => {
    const response = await fetch(stack().sockets.connectionsUrl);
    expect(response.status).toBe(403);
    expect(response.headers.get('x-amzn-errortype')).toBe('MissingAuthenticationTokenException');
  });
});

test('the function receives the event of AWS', async () => {
  const { sockets, reports } = stack();
  const started = Date.now();
  const { socket, id } = await stack().open('?does=report&tag=a&tag=b%20c', protocols);
  const domainName = new URL(sockets.url).host;
  expect(reports('connect').at(-1)).toMatchObject({
    headers: {
      Host: domainName,
      'Sec-WebSocket-Protocol': 'anima.v1,t.SECRETTICKET',
      'Sec-WebSocket-Version': '13',
      'X-Forwarded-For': '127.0.0.1',
      'X-Forwarded-Port': new URL(sockets.url).port,
    },
    multiValueHeaders: { 'Sec-WebSocket-Protocol': ['anima.v1,t.SECRETTICKET'] },
    queryStringParameters: { does: 'report', tag: 'b c' },
    multiValueQueryStringParameters: { does: ['report'], tag: ['a', 'b c'] },
    requestContext: {
      routeKey: '$connect',
      eventType: 'CONNECT',
      messageDirection: 'IN',
      stage: 'v1',
      apiId: expect.stringContaining('SocketApi'),
      domainName,
      connectionId: id,
      identity: { sourceIp: '127.0.0.1' },
      requestTime: expect.stringMatching(/^\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
    },
    isBase64Encoded: false,
  });
  const event = reports('connect').at(-1) as { requestContext: Record<string, unknown> };
  const { connectedAt, requestId, extendedRequestId, requestTimeEpoch } = event.requestContext;
  expect(requestId).toBe(extendedRequestId);
  expect(connectedAt).toBeGreaterThanOrEqual(started);
  expect(requestTimeEpoch).toBeGreaterThanOrEqual(Number(connectedAt));
  expect(event).not.toHaveProperty('body');
  expect(event).not.toHaveProperty('version');
  socket.close();
});

test('a client that leaves while $connect runs is disconnected', async () => {
  const { sockets, reports } = stack();
  const upgrade = request(`${sockets.connectionsUrl}?does=wait`, {
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    },
  });
  upgrade.on('error', () => {});
  upgrade.end();
  await new Promise((resolve) => setTimeout(resolve, 150));
  upgrade.destroy();
  await expect.poll(() => reports('disconnect').at(-1)).toMatchObject({ disconnectStatusCode: 1006 });
  expect(sockets.connectionIds()).toEqual([]);
});

test('an API without $connect accepts every connection', async () => {
  const { space } = stack();
  const assembly = space.assembly((resources) => {
    for (const [id, { Properties }] of Object.entries(resources)) {
      if (Properties.RouteKey === '$connect' || Properties.RouteKey === '$disconnect') delete resources[id];
    }
  });
  const vault = await startLocalVault({ port: 0, memory: true, assembly });
  try {
    const client = await openSocket(vault.sockets?.url ?? '');
    client.socket.send('{"type":"ping"}');
    expect(await client.next()).toBe('{"type":"pong"}');
    client.socket.close();
    await client.closed;
  } finally {
    await vault.close();
  }
});
