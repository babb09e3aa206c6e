import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../contract/shared/error-codes.ts';
import { limits } from '../../contract/shared/limits.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();
const value = '/v1/vault/values/a';

/** All stored data except the last use of keys, to show that a refused request changed nothing. */
async function contents(): Promise<string> {
  const infos = await stack.client.vault.list().toArray();
  const admin = stack.clientOf(stack.vault.adminKey);
  const keys = await admin.keys.list().toArray();
  const blobs = await admin.blobs.list().toArray();
  return JSON.stringify([infos, keys.map(({ lastUsedAt: _, ...rest }) => rest), blobs]);
}

describe('requests that are not of the documented form', () => {
  const set = (body: unknown) => ['PUT', value, body] as const;
  const key = (body: unknown) => ['POST', '/v1/keys', body] as const;
  const overlap = (overlapSeconds: unknown) =>
    ['POST', '/v1/keys/0123456789abcdef/rotation', { overlapSeconds }] as const;
  const blob = (body: unknown) => ['POST', '/v1/blobs', body] as const;
  const missing = '/v1/blobs/01m7xpe6000123456789abcdef';
  const bytes32 = Buffer.alloc(32).toString('base64');
  const parts = (part: object) => ['POST', `${missing}/parts`, { parts: [part] }] as const;
  const part = { number: 1, size: 5, checksum: bytes32 };
  const completion = (body: object) => ['POST', `${missing}/completion`, body] as const;
  const verifiers = { open: bytes32, burn: bytes32 };
  const link = `/v1/links/0123456789abcdef01m7xpe6000123456789abcdefghjkmnpqrstvwxyz`;
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
    ['a __proto__ field with an escape', set('{"value":"x","metadata":{"\\u005f_proto__":"y"}}'), 'invalid_request'],
    ['a repeated field', set('{"value":"x","value":"y"}'), 'invalid_request'],
    ['a repeated field with an escape', set('{"value":"x","metadata":{"a":"1","\\u0061":"2"}}'), 'invalid_request'],
    [
      'an expiry in the year 10000 of UTC',
      set({ value: 'x', expiresAt: '9999-12-31T23:59:59-23:59' }),
      'invalid_request',
    ],
    [
      'an expiry of a key in the year 10000 of UTC',
      key({ role: 'agent', expiresAt: '9999-12-31T23:59:59-00:01' }),
      'invalid_request',
    ],
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
    ['a key of an odd role', key({ role: 'root' }), 'invalid_request'],
    ['a key with no verbs', key({ role: 'agent', verbs: [] }), 'invalid_request'],
    ['a key with an odd verb', key({ role: 'agent', verbs: ['values.*'] }), 'invalid_request'],
    ['a key with a verb that its role lacks', key({ role: 'reader', verbs: ['values.write'] }), 'invalid_request'],
    ['a key with no prefixes', key({ role: 'agent', prefixes: [] }), 'invalid_request'],
    ['a key with an empty prefix', key({ role: 'agent', prefixes: [''] }), 'invalid_request'],
    ['a key with the prefix /', key({ role: 'agent', prefixes: ['/'] }), 'invalid_request'],
    ['a key with a prefix that climbs', key({ role: 'agent', prefixes: ['a/../'] }), 'invalid_request'],
    ['a key with a wildcard', key({ role: 'agent', prefixes: ['prod/*'] }), 'invalid_request'],
    ['a key with 21 prefixes', key({ role: 'agent', prefixes: Array(21).fill('a/') }), 'invalid_request'],
    ['a key that has expired', key({ role: 'agent', expiresAt: '2020-01-01T00:00:00Z' }), 'invalid_request'],
    [
      'a key with an expiry without offset',
      key({ role: 'agent', expiresAt: '2099-01-01T00:00:00' }),
      'invalid_request',
    ],
    ['a key with a control character in its name', key({ role: 'agent', name: 'a\u0000' }), 'invalid_request'],
    ['an overlap of more than a week', overlap(604_801), 'invalid_request'],
    ['a negative overlap', overlap(-1), 'invalid_request'],
    ['an overlap of no number', overlap('1'), 'invalid_request'],
    ['a blob of no bytes', blob({ size: 0 }), 'invalid_request'],
    ['a blob of half a byte', blob({ size: 1.5 }), 'invalid_request'],
    ['a blob whose size is a text', blob({ size: '5' }), 'invalid_request'],
    ['a blob over the largest size', blob({ size: limits.blobBytes + 1 }), 'blob_too_large'],
    ['a blob that expires at once', blob({ expiresIn: 0 }), 'invalid_request'],
    ['a blob that expires after more than a year', blob({ expiresIn: limits.blobExpiryMax + 1 }), 'invalid_request'],
    ['a blob without an opening', blob({ maxOpens: 0 }), 'invalid_request'],
    ['a blob with too many openings', blob({ maxOpens: limits.blobOpeningsMax + 1 }), 'invalid_request'],
    ['a blob to be read once by two', blob({ burn: true, maxOpens: 2 }), 'invalid_request'],
    ['a blob with burn as a text', blob({ burn: 'true' }), 'invalid_request'],
    ['a blob with its key', blob({ key: bytes32 }), 'invalid_request'],
    ['an id of a blob that is none', ['GET', '/v1/blobs/x'], 'blob_not_found'],
    ['an id of a blob that climbs', ['GET', '/v1/blobs/..%2F01m7xpe6000123456789abcdef'], 'blob_not_found'],
    ['an id of a blob in capitals', ['GET', missing.toUpperCase().replace('/V1/BLOBS', '/v1/blobs')], 'blob_not_found'],
    ['a missing blob', ['GET', missing], 'blob_not_found'],
    ['parts of a missing blob', ['GET', `${missing}/parts`], 'blob_not_found'],
    ['a limit of no parts', ['GET', `${missing}/parts?limit=0`], 'invalid_request'],
    ['a part with an odd checksum', parts({ ...part, checksum: 'x' }), 'invalid_request'],
    [
      'a part with a checksum in another spelling',
      parts({ ...part, checksum: bytes32.replace('A=', 'B=') }),
      'invalid_request',
    ],
    ['a part of no bytes', parts({ ...part, size: 0 }), 'invalid_request'],
    ['a part of a missing blob', parts(part), 'blob_not_found'],
    ['a completion without verifiers', completion({ checksum: bytes32 }), 'invalid_request'],
    [
      'a completion without one of them',
      completion({ checksum: bytes32, verifiers: { open: bytes32 } }),
      'invalid_request',
    ],
    ['a completion with an odd checksum', completion({ checksum: `${bytes32}-0`, verifiers }), 'invalid_request'],
    ['a completion of a missing blob', completion({ checksum: `${bytes32}-3`, verifiers }), 'blob_not_found'],
    ['a new link with a field', ['POST', `${missing}/link`, { locator: 'x' }], 'invalid_request'],
    ['a list of blobs with a cursor that is none', ['GET', '/v1/blobs?cursor=nonsense'], 'invalid_cursor'],
    ['a list of 1001 blobs', ['GET', '/v1/blobs?limit=1001'], 'invalid_request'],
    ['a link that can be none', ['GET', '/v1/links/x'], 'blob_not_found'],
    ['a link with its key', ['GET', `${link}%23QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8`], 'blob_not_found'],
    ['a link to nothing', ['GET', link], 'blob_not_found'],
    ['an opening of nothing', ['POST', `${link}/opening`, { proof: bytes32 }], 'blob_not_found'],
    ['an opening without a proof', ['POST', `${link}/opening`, {}], 'invalid_request'],
    ['an opening with an odd name', ['POST', `${link}/opening`, { proof: bytes32, opening: 'x' }], 'invalid_request'],
    ['a burning with a proof that is no base64', ['POST', `${link}/burning`, { proof: '!' }], 'invalid_request'],
    ['a user with a field', ['POST', '/v1/users', { id: 'x' }], 'invalid_request'],
    ['a list of 1001 users', ['GET', '/v1/users?limit=1001'], 'invalid_request'],
    ['a list of users with a cursor that is none', ['GET', '/v1/users?cursor=nonsense'], 'invalid_cursor'],
    ['an explanation of nothing', ['GET', '/v1/explain'], 'invalid_request'],
    ['an explanation of what is no reference', ['GET', '/v1/explain?ref=__proto__:x/y'], 'invalid_request'],
    ['an explanation of a name that climbs', ['GET', '/v1/explain?ref=value:a%2F..%2Fb'], 'invalid_name'],
    ['a user id that climbs', ['DELETE', '/v1/users/..%2Fx'], 'user_not_found'],
    ['a missing value', ['GET', '/v1/vault/values/missing'], 'value_not_found'],
    ['versions of a missing value', ['GET', '/v1/vault/versions/missing'], 'value_not_found'],
    ['a route that does not exist', ['GET', '/v1/vault'], 'route_not_found'],
    ['a method that the path does not have', ['PATCH', value], 'method_not_allowed'],
    ['an unsigned request of the operator', ['POST', '/v1/keys', { role: 'agent' }], 'forbidden'],
  ];

  test.each(cases)('%s gets the documented error and changes nothing', async (_, [method, path, body], code) => {
    const before = await contents();
    const isAdmins = /^\/v1\/(?:keys|users|explain|blobs\?)/.test(path) && code !== 'forbidden';
    const by = isAdmins ? stack.vault.adminKey : stack.vault.agentKey;
    const problem = await expectProblem(await stack.http(method, path, { key: by, body }), code);
    // Only this error has a detail that helps a person to correct the request. The detail repeats no input.
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
    await expectProblem(await at('/v1/blobs?', other.adminKey), 'invalid_cursor');
    expect((await (await at('/v1/vault/values?', other.agentKey)).json()).values).toHaveLength(2);
  });
});

describe('every answer', () => {
  test('forbids caching, framing, sniffing and referring', async () => {
    for (const path of ['/v1/openapi.json', '/v1/org', '/nowhere']) {
      const answer = await stack.http('GET', path, { key: stack.vault.agentKey });
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
      expect(answer.headers.get('strict-transport-security')).toContain('max-age=');
    }
  });
});
