import type { Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { nodeFetch } from '../../cli/shell/node-fetch.ts';
import { parseRetryAfter } from '../../sdk/src/http/retry.ts';
import { clientOf, fakeFetch, info, json, problem, rejectionOf, serve } from './fake-fetch.ts';

const refusedConnection = Object.assign(new TypeError('fetch failed'), {
  cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
});
const value = json({ ...info('a'), value: 'v' });

describe('retries', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(Math, 'random').mockReturnValue(1);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  test('waits double from 250 ms under full jitter, and the last error is the one thrown', async () => {
    const { fetch, seen } = fakeFetch(problem('unavailable'));
    const pending = rejectionOf(clientOf(fetch).vault.get('a'));
    const sent: number[] = [];
    for (const ms of [0, 249, 1, 499, 1, 999, 1]) {
      await vi.advanceTimersByTimeAsync(ms);
      sent.push(seen.length);
    }
    expect(sent).toEqual([1, 1, 2, 2, 3, 3, 4]);
    expect(await pending).toMatchObject({ name: 'UnavailableError', code: 'unavailable', retryable: true });
    expect(vi.getTimerCount()).toBe(0);
  });

  test('jitter may make a wait as short as nothing', async () => {
    vi.mocked(Math.random).mockReturnValue(0);
    const { fetch, seen } = fakeFetch(problem('unavailable'), value);
    const pending = clientOf(fetch).vault.get('a');
    await vi.advanceTimersByTimeAsync(0);
    expect(await pending).toBe('v');
    expect(seen).toHaveLength(2);
  });

  test.each([
    ['a refused connection', refusedConnection],
    ['throttling by the gateway', json({ message: 'Too Many Requests' }, 429)],
    ['a failing gateway', new Response('<html>', { status: 502 })],
    ['throttled services', problem('key_unavailable')],
  ])('%s is tried again', async (_title, answer) => {
    const { fetch } = fakeFetch(answer, answer, value);
    const pending = clientOf(fetch).vault.get('a');
    await vi.runAllTimersAsync();
    expect(await pending).toBe('v');
  });

  test.each([
    ['a missing value', problem('value_not_found')],
    ['a revoked key', problem('api_key_revoked')],
    ['an unknown failure', problem('internal')],
    ['an answer of another server', new Response('hello')],
  ])('%s is not', async (_title, answer) => {
    const { fetch, seen } = fakeFetch(answer);
    await rejectionOf(clientOf(fetch).vault.get('a'));
    expect(seen).toHaveLength(1);
  });

  test('a set whose reply was lost is sent again with the same bytes and write id', async () => {
    const { fetch, seen } = fakeFetch(refusedConnection, problem('write_contention'), json(info('a')));
    const pending = clientOf(fetch).vault.set('a', 'v', { expiresIn: 60 });
    await vi.runAllTimersAsync();
    expect((await pending).version).toBe(1);
    expect(seen).toHaveLength(3);
    expect(seen[1]?.body).toEqual(seen[0]?.body);
    expect(seen[2]?.body).toEqual(seen[0]?.body);
  });

  test.each([
    ['seconds', () => '7'],
    ['an HTTP-date', () => new Date(Date.now() + 7_000).toUTCString()],
  ])('Retry-After in %s is waited for, and jitter comes on top', async (_title, header) => {
    vi.setSystemTime(new Date('2026-11-21T03:00:00.000Z'));
    const { fetch, seen } = fakeFetch(problem('unavailable', {}, { 'retry-after': header() }), value);
    const pending = clientOf(fetch).vault.get('a');
    await vi.advanceTimersByTimeAsync(7_249);
    expect(seen).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await pending).toBe('v');
  });

  test('a Retry-After beyond a minute is left to the caller', async () => {
    const { fetch, seen } = fakeFetch(problem('unavailable', {}, { 'retry-after': '3600' }));
    expect(await rejectionOf(clientOf(fetch).vault.get('a'))).toMatchObject({ retryAfter: 3600, retryable: true });
    expect(seen).toHaveLength(1);
  });

  test('maxRetries holds for the client and for a single call', async () => {
    const { fetch, seen } = fakeFetch(problem('unavailable'));
    const { vault } = clientOf(fetch, { maxRetries: 0 });
    await rejectionOf(vault.get('a'));
    expect(seen).toHaveLength(1);
    const pending = rejectionOf(vault.get('a', { maxRetries: 1 }));
    await vi.runAllTimersAsync();
    await pending;
    expect(seen).toHaveLength(3);
  });

  test('an attempt without an answer ends at its timeout, even if fetch ignores the signal, and is tried again', async () => {
    let told = false;
    const silent = (_seen: unknown, signal: AbortSignal) => {
      signal.addEventListener('abort', () => {
        told = true;
      });
      return new Promise<Response>(() => {});
    };
    const { fetch, seen } = fakeFetch(silent, value);
    const pending = clientOf(fetch, { timeout: 1_000 }).vault.get('a');
    await vi.advanceTimersByTimeAsync(1_249);
    expect(seen).toHaveLength(1);
    expect(told).toBe(true);
    await vi.advanceTimersByTimeAsync(1);
    expect(await pending).toBe('v');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('time-outs to the last become a TimeoutError', async () => {
    const { fetch } = fakeFetch(() => new Promise<Response>(() => {}));
    const pending = rejectionOf(clientOf(fetch).vault.get('a', { timeout: 10, maxRetries: 1 }));
    await vi.runAllTimersAsync();
    expect(await pending).toMatchObject({ name: 'TimeoutError', code: 'timeout', retryable: true });
  });

  test('a signal that has fired sends nothing', async () => {
    const { fetch, seen } = fakeFetch(value);
    const error = await rejectionOf(clientOf(fetch).vault.get('a', { signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ name: 'AbortError', code: 'aborted', retryable: false });
    expect(seen).toHaveLength(0);
  });

  test('a signal ends an attempt, and a wait between attempts, and leaves neither timer nor listener', async () => {
    for (const answer of [() => new Promise<Response>(() => {}), problem('unavailable', {}, { 'retry-after': '50' })]) {
      const { fetch, seen } = fakeFetch(answer);
      const controller = new AbortController();
      const removed = vi.spyOn(controller.signal, 'removeEventListener');
      const added = vi.spyOn(controller.signal, 'addEventListener');
      const pending = rejectionOf(clientOf(fetch).vault.get('a', { signal: controller.signal }));
      await vi.advanceTimersByTimeAsync(10);
      controller.abort();
      expect(await pending).toMatchObject({ name: 'AbortError' });
      expect(seen).toHaveLength(1);
      expect(vi.getTimerCount()).toBe(0);
      // A listener that was added with `once` and has fired is already removed. Every other listener must be removed
      // explicitly.
      expect(removed.mock.calls.length).toBeGreaterThanOrEqual(added.mock.calls.length - 1);
    }
  });

  test('Retry-After that is neither seconds nor a date counts as absent', () => {
    for (const header of ['', '-5', '1.5', 'soon', '1e3', 'Mon']) expect(parseRetryAfter(header)).toBeUndefined();
    expect(parseRetryAfter(null)).toBeUndefined();
    expect(parseRetryAfter('Sun, 06 Nov 1994 08:49:37 GMT')).toBe(0);
  });
});

describe.each([
  ['the platform', fetch],
  ['the command', nodeFetch],
])('over a real connection, with the fetch of %s', (_name, fetch) => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  test('a connection cut in the middle of an answer is tried again, with the same write id', async () => {
    const ids: unknown[] = [];
    const served = await serve((request, response) => {
      let text = '';
      request.on('data', (part) => {
        text += part;
      });
      request.on('end', () => {
        ids.push(JSON.parse(text).writeId);
        const body = JSON.stringify(info('a'));
        response.writeHead(200, { 'content-length': body.length });
        if (ids.length > 1) return response.end(body);
        response.write(body.slice(0, 10));
        return setTimeout(() => request.socket.destroy(), 20);
      });
    });
    server = served.server;
    const { vault } = clientOf(fetch, { baseURL: served.url });
    expect(await vault.set('a', 'v')).toEqual(info('a'));
    expect(ids).toHaveLength(2);
    expect(ids[1]).toBe(ids[0]);
  });

  test('a redirect is not followed, so the key stays with its host', async () => {
    const paths: unknown[] = [];
    const served = await serve((request, response) => {
      paths.push(request.url);
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    server = served.server;
    const error = await rejectionOf(clientOf(fetch, { baseURL: served.url }).vault.get('a'));
    expect(error).toMatchObject({ code: 'unexpected_response', status: 307 });
    expect(paths).toEqual(['/v1/vault/values/a']);
  });

  test('a port where nothing listens is a ConnectionError that says so', async () => {
    const served = await serve(() => {});
    await new Promise((resolve) => served.server.close(resolve));
    const error = await rejectionOf(clientOf(fetch, { baseURL: served.url, maxRetries: 0 }).vault.get('a'));
    expect(error).toMatchObject({
      name: 'ConnectionError',
      detail: expect.stringContaining(`ECONNREFUSED at ${served.url}`),
    });
  });

  test.each(['before the headers', 'in the middle of the body'])(
    'the time-out ends an attempt that stalls %s',
    async (when) => {
      const served = await serve((_request, response) => {
        if (when !== 'before the headers') response.writeHead(200, { 'content-length': 100 }).write('{');
      });
      server = served.server;
      const { vault } = clientOf(fetch, { baseURL: served.url, timeout: 150, maxRetries: 0 });
      expect(await rejectionOf(vault.get('a'))).toMatchObject({ code: 'timeout', retryable: true });
    },
  );

  test('a signal ends a request, and closes its connection', async () => {
    const stop = new AbortController();
    let closed = Promise.resolve();
    const served = await serve((request) => {
      closed = new Promise((resolve) => request.socket.once('close', () => resolve()));
      stop.abort();
    });
    server = served.server;
    const { vault } = clientOf(fetch, { baseURL: served.url });
    expect(await rejectionOf(vault.get('a', { signal: stop.signal }))).toMatchObject({ code: 'aborted' });
    await closed;
  });

  test('text arrives as it was sent, in pieces that split characters', async () => {
    const value = 'ä€😀'.repeat(1000);
    const served = await serve((request, response) => {
      expect(request.headers.authorization).toMatch(/^Bearer anm_/);
      const body = Buffer.from(JSON.stringify({ ...info('a'), value }));
      response.write(body.subarray(0, 2001));
      setTimeout(() => response.end(body.subarray(2001)), 20);
    });
    server = served.server;
    expect(await clientOf(fetch, { baseURL: served.url }).vault.get('a')).toBe(value);
  });

  test('names arrive at the server as they were given', async () => {
    const served = await serve((request, response) => {
      const name = decodeURIComponent(String(request.url).replace('/v1/vault/values/', ''));
      response.end(JSON.stringify({ ...info(name), value: 'v' }));
    });
    server = served.server;
    const { vault } = clientOf(fetch, { baseURL: `${served.url}/` });
    for (const name of ['a', 'a/b.c', 'user@host:5432/...', '-_.:@']) {
      expect((await vault.getWithInfo(name)).name).toBe(name);
    }
  });
});
