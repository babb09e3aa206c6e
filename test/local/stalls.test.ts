/** Stalled connections are closed. Connections that wait for a response are not. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closeServer, listenOnLoopback, readBody } from '../../local/aws/shared/loopback-server.ts';
import { Bucket, startS3Fixture } from './s3-client-fixture.ts';
import { closedAfter, dial } from './sockets.ts';

/** Far more than a busy machine needs, and far less than the timeout of a test. */
const soonMs = 20_000;
const timeouts = { headersMs: 300, requestMs: 900, stallMs: 400 };
const large = randomBytes(32_000_000);

let server: Server;
let url: string;
const outcomes: string[] = [];
beforeAll(async () => {
  const opened = await listenOnLoopback(
    (request, response) => {
      const answer = async () => {
        await readBody(request, 1_000_000);
        if (request.url === '/slow') await sleep(1_500);
        response.end(request.url === '/large' ? large : 'done');
      };
      answer().catch((error: unknown) => outcomes.push(String(error)));
    },
    { port: 0, timeouts },
  );
  server = opened.server;
  url = `http://127.0.0.1:${opened.port}`;
});
afterAll(() => closeServer(server));

describe('a connection is closed that', () => {
  test.each([
    ['sends nothing', ''],
    ['stalls within the first line', 'GET /'],
    ['stalls within the headers', 'GET / HTTP/1.1\r\nhost: x\r\nx-a: '],
    ['stalls before the body', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n'],
    ['stalls within the body', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc'],
    ['stalls between two chunks', 'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n'],
  ])('%s', async (_, sent) => {
    const socket = await dial(url);
    socket.write(sent);
    expect(await closedAfter(socket)).toBeLessThan(soonMs);
  });

  test('sends its body too slowly to end in time, although it never stalls', async () => {
    const socket = await dial(url);
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\n\r\n');
    const timer = setInterval(() => socket.write('x'), 50);
    expect(await closedAfter(socket)).toBeLessThan(soonMs);
    clearInterval(timer);
  });

  test('does not take its answer', async () => {
    const socket = await dial(url);
    socket.write('GET /large HTTP/1.1\r\nhost: x\r\n\r\n');
    const closed = new Promise<void>((resolve) => {
      server.once('request', (request) => request.socket.once('close', () => resolve()));
    });
    // The client reads nothing, so only the server can detect the stall.
    socket.pause();
    await closed;
    socket.destroy();
  });
});

describe('a connection is kept that', () => {
  test('waits for its answer for longer than it may stall', async () => {
    expect(await (await fetch(`${url}/slow`)).text()).toBe('done');
    expect(await (await fetch(`${url}/slow`, { method: 'POST', body: 'x' })).text()).toBe('done');
  });

  test('takes its answer slowly', async () => {
    const answer = await fetch(`${url}/large`);
    let seen = 0;
    for await (const chunk of answer.body ?? []) {
      if (Math.floor((seen + chunk.length) / 8_000_000) > Math.floor(seen / 8_000_000)) await sleep(250);
      seen += chunk.length;
    }
    expect(seen).toBe(large.length);
  });

  test('is asked again a while later', async () => {
    const socket = await dial(url);
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    for (const count of [1, 2]) {
      socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
      await expect.poll(() => text.match(/done/g)?.length).toBe(count);
      await sleep(2 * timeouts.stallMs);
    }
    expect(socket.closed).toBe(false);
    socket.destroy();
  });
});

test('the object store closes an upload that stalls, but sets no end to one that goes on', async () => {
  const s3 = await startS3Fixture(null, {}, null, timeouts);
  try {
    const { pathname, search, host } = new URL(
      await getSignedUrl(s3.client(), new PutObjectCommand({ Bucket, Key: 'slow' })),
    );
    const head = `PUT ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 20\r\n\r\n`;
    const stalled = await dial(s3.s3.url);
    stalled.write(`${head}abc`);
    expect(await closedAfter(stalled)).toBeLessThan(soonMs);
    expect(s3.errors).toEqual([]);
    const slow = await dial(s3.s3.url);
    slow.write(head);
    for (let i = 0; i < 20; i++) {
      await sleep(100);
      slow.write('x');
    }
    const [answer] = await once(slow, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1.1 200 /);
    slow.destroy();
  } finally {
    await s3.close();
  }
});
