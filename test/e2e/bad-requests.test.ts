import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { type RouteId, routes } from '../../contract/routes.ts';
import { expectProblem, useStack } from './stack.ts';

const stack = useStack();
const value = '/v1/vault/values/a';

/** Everything stored, to show that a refused request changed nothing. */
async function contents(): Promise<string> {
  const infos = await stack.client.vault.list().toArray();
  const keys = await stack.http('GET', '/v1/keys', { key: stack.vault.adminKey });
  return JSON.stringify([infos, await keys.json()]);
}

describe('requests that are not of the documented form', () => {
  const set = (body: unknown) => ['PUT', value, body] as const;
  const cases: [string, readonly [string, string, unknown?], ErrorCode][] = [
    ['invalid JSON', set('{"value":'), 'invalid_request'],
    ['JSON that is not an object', set('[1]'), 'invalid_request'],
    ['JSON null', set('null'), 'invalid_request'],
    ['no body', ['PUT', value], 'invalid_request'],
    ['a value of a wrong type', set({ value: 3 }), 'invalid_request'],
    ['a missing value', set({}), 'invalid_request'],
    ['an unknown field', set({ value: 'x', ifversion: 1 }), 'invalid_request'],
    ['a lone surrogate', set('{"value":"\\ud800"}'), 'invalid_request'],
    ['a __proto__ field', set('{"value":"x","metadata":{"__proto__":"y"}}'), 'invalid_request'],
    ['a negative version', set({ value: 'x', ifVersion: -1 }), 'invalid_request'],
    ['a fractional version', set({ value: 'x', ifVersion: 1.5 }), 'invalid_request'],
    ['a version beyond safe integers', set('{"value":"x","ifVersion":1e300}'), 'invalid_request'],
    ['a short write id', set({ value: 'x', writeId: 'a' }), 'invalid_request'],
    ['metadata of numbers', set({ value: 'x', metadata: { a: 1 } }), 'invalid_request'],
    ['metadata with an odd key', set({ value: 'x', metadata: { 'a b': '1' } }), 'invalid_request'],
    [
      'too many metadata entries',
      set({ value: 'x', metadata: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, 'v'])) }),
      'invalid_request',
    ],
    ['an expiry that is no time', set({ value: 'x', expiresAt: 'tomorrow' }), 'invalid_request'],
    ['an expiry in the past', set({ value: 'x', expiresAt: '2020-01-01T00:00:00Z' }), 'invalid_request'],
    ['a value of 64 KiB and one byte', set({ value: 'x'.repeat(limits.valueBytes + 1) }), 'value_too_large'],
    ['a body over the limit', set({ value: 'x'.repeat(limits.requestBytes) }), 'request_too_large'],
    ['a deeply nested body', set('['.repeat(100_000)), 'invalid_request'],
    ['version=0', ['GET', `${value}?version=0`], 'invalid_request'],
    ['version=1e3', ['GET', `${value}?version=1e3`], 'invalid_request'],
    ['an unknown query parameter', ['GET', `${value}?versoin=1`], 'invalid_request'],
    ['limit=0', ['GET', '/v1/vault/values?limit=0'], 'invalid_request'],
    ['limit=1001', ['GET', '/v1/vault/values?limit=1001'], 'invalid_request'],
    ['a cursor that is none', ['GET', '/v1/vault/values?cursor=nonsense'], 'invalid_cursor'],
    ['a bad prefix', ['GET', '/v1/vault/values?prefix=..%2Fa'], 'invalid_name'],
    [
      '101 names',
      ['POST', '/v1/vault/batch-get', { names: Array.from({ length: 101 }, (_, n) => `n${n}`) }],
      'invalid_request',
    ],
    ['no names', ['POST', '/v1/vault/batch-get', { names: [] }], 'invalid_request'],
    ['a name twice', ['POST', '/v1/vault/batch-get', { names: ['a', 'b', 'a'] }], 'invalid_request'],
    [
      '101 items',
      [
        'POST',
        '/v1/vault/batch-set',
        { items: Array.from({ length: 101 }, (_, n) => ({ name: `n${n}`, value: 'x' })) },
      ],
      'invalid_request',
    ],
    [
      'a name twice in a set',
      [
        'POST',
        '/v1/vault/batch-set',
        {
          items: [
            { name: 'z', value: '1' },
            { name: 'z', value: '2' },
          ],
        },
      ],
      'invalid_request',
    ],
    ['a missing value', ['GET', '/v1/vault/values/missing'], 'value_not_found'],
    ['versions of a missing value', ['GET', '/v1/vault/versions/missing'], 'value_not_found'],
    ['a route that does not exist', ['GET', '/v1/vault'], 'route_not_found'],
    ['a method that does not exist', ['PATCH', value], 'route_not_found'],
    ['an unsigned request of the operator', ['POST', '/v1/keys', { role: 'agent' }], 'forbidden'],
  ];

  test.each(cases)('%s gets the documented error and changes nothing', async (_, [method, path, body], code) => {
    const before = await contents();
    const problem = await expectProblem(await stack.http(method, path, { key: stack.vault.agentKey, body }), code);
    // The one case with a reading client: its detail helps a person, and repeats nothing that was sent.
    if (code === 'invalid_request') expect(problem.errors ?? problem.detail).toBeTruthy();
    expect(await contents()).toBe(before);
  });

  test('where the input is wrong is said by path', async () => {
    const body = {
      items: [
        { name: 'a', value: 'x' },
        { name: 'b', value: 7, metadata: { a: 1 } },
      ],
    };
    const answer = await stack.http('POST', '/v1/vault/batch-set', { key: stack.vault.agentKey, body });
    const { errors } = await expectProblem(answer, 'invalid_request');
    expect(errors).toEqual([
      { path: 'items.1.value', message: 'Invalid input: expected string, received number' },
      { path: 'items.1.metadata.a', message: 'Invalid input: expected string, received number' },
    ]);
  });

  test('a body of another type is refused', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', '']) {
      const headers = { 'content-type': type };
      const answer = await stack.http('PUT', value, { key: stack.vault.agentKey, body: '{"value":"x"}', headers });
      await expectProblem(answer, 'unsupported_media_type');
    }
  });

  test.each([
    ['..%2fa'],
    ['a%2f..%2fb'],
    ['%2e%2e%2fa'],
    ['a%2f%2fb'],
    ['a%00'],
    ['a%20b'],
    ['%C3%A9'],
    ['a%5Cb'],
    ['x'.repeat(300)],
    ['a%252fb'],
    ['%3Cscript%3E'],
  ])('the name %s is refused for reading, writing, deleting and in batches', async (name) => {
    const key = stack.vault.agentKey;
    await expectProblem(
      await stack.http('PUT', `/v1/vault/values/${name}`, { key, body: { value: 'x' } }),
      'invalid_name',
    );
    await expectProblem(await stack.http('GET', `/v1/vault/values/${name}`, { key }), 'invalid_name');
    await expectProblem(await stack.http('DELETE', `/v1/vault/values/${name}`, { key }), 'invalid_name');
    const batch = await stack.http('POST', '/v1/vault/batch-get', { key, body: { names: [decodeURIComponent(name)] } });
    expect(await batch.json()).toMatchObject({ results: [{ ok: false, error: { code: 'invalid_name' } }] });
  });

  test('a cursor of another org or of another list is refused', async () => {
    const other = await stack.newOrg();
    const theirs = stack.clientOf(other.agentKey).vault;
    await theirs.setMany({ a: '1', b: '2', c: '3' });
    const page = await stack.http('GET', '/v1/vault/values?limit=1', { key: other.agentKey });
    const { cursor } = await page.json();
    expect(cursor).toBeTruthy();
    const at = (path: string, key: string) => stack.http('GET', `${path}cursor=${encodeURIComponent(cursor)}`, { key });
    await expectProblem(await at('/v1/vault/values?', stack.vault.agentKey), 'invalid_cursor');
    await expectProblem(await at('/v1/vault/values?prefix=b&', other.agentKey), 'invalid_cursor');
    await expectProblem(await at('/v1/keys?', other.adminKey), 'invalid_cursor');
    expect((await (await at('/v1/vault/values?', other.agentKey)).json()).values).toHaveLength(2);
  });
});

describe('who may call', () => {
  const paths: Record<RouteId, string> = {
    getOpenApi: '/v1/openapi.json',
    createOrg: '/v1/orgs',
    getOrg: '/v1/org',
    createKey: '/v1/keys',
    listKeys: '/v1/keys',
    revokeKey: '/v1/keys/0123456789abcdef',
    setValue: value,
    deleteValue: value,
    setValues: '/v1/vault/batch-set',
    getValue: value,
    listValues: '/v1/vault/values',
    listVersions: '/v1/vault/versions/a',
    getValues: '/v1/vault/batch-get',
  };
  const withKey = (Object.keys(routes) as RouteId[]).filter((id) => routes[id].auth === 'api-key');

  test.each(withKey)(
    '%s refuses no key, a malformed one, one of a stranger and a revoked one, whatever the body',
    async (id) => {
      const other = await stack.newOrg();
      const made = await stack.http('POST', '/v1/keys', { key: other.adminKey, body: { role: 'admin' } });
      const revoked = await made.json();
      expect((await stack.http('DELETE', `/v1/keys/${revoked.id}`, { key: other.adminKey })).status).toBe(200);
      // The same org and key id under another secret: only the hash tells it apart.
      const { formatApiKey, parseApiKey } = await import('../../core/api-key.ts');
      const genuine = parseApiKey(stack.vault.adminKey) ?? expect.fail();
      const forged = formatApiKey({ ...genuine, secret: parseApiKey(other.adminKey)?.secret ?? '' });
      const unknown = formatApiKey({ ...genuine, id: 'zzzzzzzzzzzzzzzz' });
      const crossed = formatApiKey({ ...genuine, org: other.org });
      const call = (key?: string, headers: Record<string, string> = {}) =>
        stack.http(routes[id].method, paths[id], {
          key,
          headers,
          ...(routes[id].method === 'GET' ? {} : { body: '{"odd' }),
        });
      await expectProblem(await call(), 'missing_api_key');
      await expectProblem(await call(undefined, { authorization: 'Basic YTpi' }), 'missing_api_key');
      for (const key of ['x', `${stack.vault.adminKey}x`, `${stack.vault.adminKey} x`, forged, unknown, crossed]) {
        await expectProblem(await call(key), 'invalid_api_key');
      }
      await expectProblem(await call(revoked.key), 'api_key_revoked');
    },
  );

  test('organizations are made only by requests that AWS has found signed', async () => {
    for (const key of [undefined, stack.vault.adminKey]) {
      const answer = await stack.http('POST', '/v1/orgs', { key, body: {} });
      expect([answer.status, await answer.json()]).toEqual([403, { message: 'Forbidden' }]);
    }
  });

  test('every answer forbids caching, framing, sniffing and referring', async () => {
    for (const path of ['/v1/openapi.json', '/v1/org', '/nowhere']) {
      const answer = await stack.http('GET', path, { key: stack.vault.agentKey });
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
      expect(answer.headers.get('strict-transport-security')).toContain('max-age=');
    }
  });
});
