import { describe, expect, test } from 'vitest';
import { AnimaError, InvalidRequestError, NotFoundError } from '../../../sdk/src/index.ts';
import { createError } from '../../../sdk/src/shared/errors.ts';
import { apiKey, baseURL, clientOf, fakeFetch, info, json, problem, rejectionOf } from '../fake-fetch.ts';

const stored = { ...info('stripe/key', 3), metadata: { owner: 'ops' }, value: 'sk_live_1' };

describe('requests', () => {
  test('set sends the value with its options to the path of the name and returns what was stored', async () => {
    const { fetch, seen } = fakeFetch(json({ ...info('a@b/c:d', 2), unknown: 1 }));
    const expiresAt = new Date('2027-01-01T00:00:00Z');
    const result = await clientOf(fetch).vault.set('a@b/c:d', 'v', { metadata: { k: 'm' }, expiresAt, ifVersion: 1 });
    expect(result).toEqual(info('a@b/c:d', 2));
    expect(seen).toEqual([
      {
        method: 'PUT',
        url: `${baseURL}/v1/vault/values/a%40b/c%3Ad`,
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${apiKey}`,
          'content-type': 'application/json',
          'user-agent': 'anima-sdk/0.1.0',
        },
        body: {
          value: 'v',
          metadata: { k: 'm' },
          expiresAt: '2027-01-01T00:00:00.000Z',
          ifVersion: 1,
          writeId: expect.stringMatching(/^[0-9a-f]{32}$/),
        },
      },
    ]);
  });

  test('each set has a write id of its own, unless the caller gives one', async () => {
    const { fetch, seen } = fakeFetch(json(info('a')));
    const { vault } = clientOf(fetch);
    await vault.set('a', '1');
    await vault.set('a', '1');
    await vault.set('a', '1', { writeId: 'deploy-2026-11-21' });
    const ids = seen.map(({ body }) => body).map((body) => (body as { writeId: string }).writeId);
    expect(new Set(ids).size).toBe(3);
    expect(ids[2]).toBe('deploy-2026-11-21');
  });

  test('expiresIn becomes an absolute time, fixed before the first attempt', async () => {
    const { fetch, seen } = fakeFetch(json(info('a')));
    const before = Date.now();
    await clientOf(fetch).vault.set('a', '1', { expiresIn: 60 });
    const { expiresAt } = Object(seen[0]?.body);
    expect(Date.parse(expiresAt) - before).toBeGreaterThanOrEqual(60_000);
    expect(Date.parse(expiresAt) - before).toBeLessThan(65_000);
  });

  test('get brings the string, getWithInfo also version and metadata, of the version asked for', async () => {
    const { fetch, seen } = fakeFetch(json(stored));
    const { vault } = clientOf(fetch);
    expect(await vault.get('stripe/key')).toBe('sk_live_1');
    expect(await vault.getWithInfo('stripe/key', { version: 3 })).toEqual(stored);
    expect(seen.map(({ url }) => url)).toEqual([
      `${baseURL}/v1/vault/values/stripe/key`,
      `${baseURL}/v1/vault/values/stripe/key?version=3`,
    ]);
  });

  test('delete tells whether there was something, and passes ifVersion on', async () => {
    const { fetch, seen } = fakeFetch(json({ deleted: true }), json({ deleted: false }));
    const { vault } = clientOf(fetch);
    expect(await vault.delete('a', { ifVersion: 4 })).toBe(true);
    expect(await vault.delete('a')).toBe(false);
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      `DELETE ${baseURL}/v1/vault/values/a?ifVersion=4`,
      `DELETE ${baseURL}/v1/vault/values/a`,
    ]);
  });

  test('versions are those of the name, as the vault orders them', async () => {
    const versions = [2, 1].map((version) => ({ version, createdAt: 'x', metadata: {} }));
    const { fetch, seen } = fakeFetch(json({ name: 'a/b', versions }));
    expect(await clientOf(fetch).vault.versions('a/b')).toEqual(versions);
    expect(seen[0]?.url).toBe(`${baseURL}/v1/vault/versions/a/b`);
  });
});

describe('lists', () => {
  const pages = [json({ values: [info('a'), info('b')], cursor: 'c1' }), json({ values: [info('c')] })];

  test('iterating fetches page after page with prefix, size and cursor', async () => {
    const { fetch, seen } = fakeFetch(...pages);
    const names: string[] = [];
    for await (const { name } of clientOf(fetch).vault.list({ prefix: 'p/', pageSize: 2 })) names.push(name);
    expect(names).toEqual(['a', 'b', 'c']);
    expect(seen.map(({ url }) => new URL(url).search)).toEqual([
      '?prefix=p%2F&limit=2',
      '?prefix=p%2F&limit=2&cursor=c1',
    ]);
  });

  test('nothing is fetched before it is needed', async () => {
    const { fetch, seen } = fakeFetch(...pages);
    const list = clientOf(fetch).vault.list();
    expect(seen).toHaveLength(0);
    for await (const _ of list) break;
    expect(seen).toHaveLength(1);
  });

  test('one page can be had with its cursor, and all of it as an array', async () => {
    const { vault } = clientOf(fakeFetch(...pages).fetch);
    expect((await vault.list().page()).cursor).toBe('c1');
    expect(await vault.list().page('c1')).toEqual({ values: [info('c')] });
    expect(
      await clientOf(fakeFetch(...pages).fetch)
        .vault.list()
        .toArray(),
    ).toHaveLength(3);
  });

  test('a server that repeats a cursor does not hold the caller for ever', async () => {
    const { fetch, seen } = fakeFetch(json({ values: [], cursor: 'same' }));
    const error = await rejectionOf(clientOf(fetch).vault.list().toArray());
    expect(error).toMatchObject({ code: 'unexpected_response' });
    expect(seen).toHaveLength(2);
  });
});

describe('arguments are refused before anything is sent', () => {
  const set = (value: unknown, options: object = {}) => ['set', 'a', value, options];
  const cases: [string, unknown[], string][] = [
    ['.. in a name', ['get', 'a/../b'], 'invalid_name'],
    ['a leading slash', ['get', '/a'], 'invalid_name'],
    ['an empty segment', ['delete', 'a//b'], 'invalid_name'],
    ['an empty name', ['versions', ''], 'invalid_name'],
    ['a name of 300 characters', ['set', 'n'.repeat(300), 'v'], 'invalid_name'],
    ['a control character', ['get', 'a\nb'], 'invalid_name'],
    ['a query in a name', ['get', 'a?version=1'], 'invalid_name'],
    ['a name that is no string', ['get', 7], 'invalid_name'],
    ['a bad name among many', ['getMany', ['a', '..']], 'invalid_name'],
    ['one name instead of many', ['getMany', 'abc'], 'invalid_argument'],
    ['a value that is no string', set(7), 'invalid_argument'],
    ['a lone surrogate', set('a\ud800b'), 'invalid_argument'],
    ['64 KiB + 1 of ASCII', set('x'.repeat(65_537)), 'value_too_large'],
    ['64 KiB + 1 of UTF-8', set(`${'€'.repeat(21_845)}ab`), 'value_too_large'],
    ['metadata that is no object', set('v', { metadata: ['x'] }), 'invalid_argument'],
    ['metadata of numbers', set('v', { metadata: { a: 1 } }), 'invalid_argument'],
    [
      '17 entries of metadata',
      set('v', { metadata: Object.fromEntries([...Array(17).keys()].map((i) => [i, ''])) }),
      'invalid_argument',
    ],
    ['two expiries', set('v', { expiresIn: 1, expiresAt: new Date() }), 'invalid_argument'],
    ['an expiry without offset', set('v', { expiresAt: '2027-01-01T00:00:00' }), 'invalid_argument'],
    ['an invalid Date', set('v', { expiresAt: new Date('x') }), 'invalid_argument'],
    ['an expiry beyond time', set('v', { expiresIn: 1e300 }), 'invalid_argument'],
    ['a negative expiry', set('v', { expiresIn: -1 }), 'invalid_argument'],
    ['ifVersion of 1.5', set('v', { ifVersion: 1.5 }), 'invalid_argument'],
    ['a short write id', set('v', { writeId: 'short' }), 'invalid_argument'],
    ['version 0', ['get', 'a', { version: 0 }], 'invalid_argument'],
    ['a timeout of 0', ['get', 'a', { timeout: 0 }], 'invalid_argument'],
    ['a timeout no timer holds', ['get', 'a', { timeout: 2 ** 31 }], 'invalid_argument'],
    ['negative retries', ['get', 'a', { maxRetries: -1 }], 'invalid_argument'],
    [
      'a name twice in setMany',
      [
        'setMany',
        [
          { name: 'a', value: '1' },
          { name: 'a', value: '2' },
        ],
      ],
      'invalid_argument',
    ],
  ];

  test.each(cases)('%s', async (_title, [method, ...args], code) => {
    const { fetch, seen } = fakeFetch(json({}));
    const { vault } = clientOf(fetch);
    const call: unknown = Reflect.get(vault, String(method));
    if (typeof call !== 'function') throw new Error('no such method');
    const error = await rejectionOf(call.apply(vault, args));
    expect(error).toBeInstanceOf(InvalidRequestError);
    expect(error).toMatchObject({ code, retryable: false });
    expect(seen).toHaveLength(0);
  });

  test('a list refuses a bad prefix or page size at once', () => {
    const { vault } = clientOf(fakeFetch().fetch);
    expect(() => vault.list({ prefix: '../x' })).toThrow(InvalidRequestError);
    expect(() => vault.list({ pageSize: 1001 })).toThrow(InvalidRequestError);
  });

  test('a value of exactly 64 KiB is sent', async () => {
    const { fetch, seen } = fakeFetch(json(info('a')));
    await clientOf(fetch).vault.set('a', 'x'.repeat(65_536));
    await clientOf(fetch).vault.set('a', `${'€'.repeat(21_845)}a`);
    expect(seen).toHaveLength(2);
  });
});

describe('answers', () => {
  test('a problem becomes the error of its code, with status, request id and detail', async () => {
    const { fetch } = fakeFetch(problem('value_not_found', { detail: 'nothing here' }));
    const error = await rejectionOf(clientOf(fetch).vault.get('a'));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toBeInstanceOf(AnimaError);
    expect(error).toMatchObject({
      name: 'NotFoundError',
      code: 'value_not_found',
      status: 404,
      requestId: 'req-1',
      detail: 'nothing here',
      retryable: false,
      message: 'There is no value with that name: nothing here',
    });
    expect((error as Error).stack).toMatch(/^NotFoundError: /);
  });

  test('a conflict tells the version that is there; bad input tells where', async () => {
    const conflict = problem('version_conflict', { currentVersion: 7 });
    expect(await rejectionOf(clientOf(fakeFetch(conflict).fetch).vault.set('a', 'v', { ifVersion: 1 }))).toMatchObject({
      name: 'ConflictError',
      currentVersion: 7,
    });
    const invalid = problem('invalid_request', { errors: [{ path: 'value', message: 'too odd' }] });
    expect(await rejectionOf(clientOf(fakeFetch(invalid).fetch).vault.set('a', 'v'))).toMatchObject({
      problems: [{ path: 'value', message: 'too odd' }],
    });
  });

  const strange: [string, Response, string, number][] = [
    ['a gateway 404', json({ message: 'Not Found' }, 404), 'UnexpectedResponseError', 404],
    ['a gateway 403', json({ message: 'Forbidden' }, 403), 'UnexpectedResponseError', 403],
    ['a gateway 429', json({ message: 'Too Many Requests' }, 429), 'RateLimitError', 429],
    ['a proxy page', new Response('<html>SECRETBODY</html>', { status: 502 }), 'UnavailableError', 502],
    ['html with 200', new Response('<html>SECRETBODY</html>'), 'UnexpectedResponseError', 200],
    ['truncated JSON', new Response('{"name":"a","value":"SECRETBODY'), 'UnexpectedResponseError', 200],
    ['the wrong shape', json({ name: 'a', value: 5, SECRETBODY: 1 }), 'UnexpectedResponseError', 200],
    [
      'metadata of the wrong shape',
      json({ ...info('a'), value: 'SECRETBODY', metadata: { a: 1 } }),
      'UnexpectedResponseError',
      200,
    ],
    ['a value of another name', json({ ...info('b'), value: 'SECRETBODY' }), 'UnexpectedResponseError', 200],
    [
      'a code of a newer vault',
      json({ type: 'urn:anima:error:new', code: 'new', status: 400 }, 400),
      'UnexpectedResponseError',
      400,
    ],
    [
      'a code of Object.prototype',
      json({ type: 'urn:anima:error:toString', code: 'toString' }, 400),
      'UnexpectedResponseError',
      400,
    ],
    [
      'a redirect',
      new Response(null, { status: 302, headers: { location: 'https://evil.test' } }),
      'UnexpectedResponseError',
      302,
    ],
  ];

  test.each(strange)(
    '%s is an unexpected_response, and no body is repeated',
    async (_title, response, name, status) => {
      const { fetch } = fakeFetch(response);
      const error = await rejectionOf(clientOf(fetch, { maxRetries: 0 }).vault.get('a'));
      expect(error).toMatchObject({
        name,
        code: 'unexpected_response',
        status,
        retryable: status === 429 || status >= 500,
      });
      expect(JSON.stringify(error) + String(error)).not.toContain('SECRETBODY');
    },
  );

  test('an answer that a custom fetch took from another address is refused', async () => {
    const followed = () => Object.defineProperty(json({ ...info('a'), value: 'v' }), 'redirected', { value: true });
    const error = await rejectionOf(clientOf(fakeFetch(followed).fetch).vault.get('a'));
    expect(error).toMatchObject({ code: 'unexpected_response', detail: expect.stringContaining('redirect') });
  });

  test('an answer for another version than asked is not taken for it', async () => {
    const error = await rejectionOf(clientOf(fakeFetch(json(stored)).fetch).vault.get('stripe/key', { version: 2 }));
    expect(error).toMatchObject({ code: 'unexpected_response' });
  });

  test('every code has a class, and only those of the contract are retryable', () => {
    expect(createError('write_contention')).toMatchObject({ name: 'UnavailableError', retryable: true });
    expect(createError('internal')).toMatchObject({ name: 'UnavailableError', retryable: false });
    expect(createError('route_not_found')).not.toBeInstanceOf(NotFoundError);
    expect(createError('api_key_revoked')).toMatchObject({ name: 'AuthenticationError', retryable: false });
  });
});
