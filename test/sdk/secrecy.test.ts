import { inspect } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { isLocalOrg } from '../../contract/shared/local-orgs.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { Anima, AuthenticationError } from '../../sdk/src/index.ts';
import {
  apiKey,
  baseURL,
  clientOf,
  fakeFetch,
  info,
  json,
  localApiKey,
  problem,
  rejectionOf,
  secret,
  userClientOf,
  userKey,
} from './fake-fetch.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Every text that results from printing, logging or copying an object, including its causes. */
function texts(thing: unknown): string {
  const deep = { depth: 20, showHidden: true, getters: true };
  const all = [
    inspect(thing),
    inspect(thing, deep),
    inspect({ thing: [thing] }, deep),
    String(thing),
    JSON.stringify(thing),
  ];
  if (thing instanceof Error) all.push(String(thing.stack), texts(thing.cause));
  if (typeof thing === 'object' && thing !== null)
    all.push(
      inspect({ ...thing }, deep),
      Object.values(thing)
        .map((part) => inspect(part, deep))
        .join(),
    );
  return all.join('\n');
}

const value = 'VALUE-that-nobody-may-see';

describe('the API key and values are not shown', () => {
  test('by the client, its vault or a list, however they are printed', () => {
    const client = clientOf(fakeFetch().fetch);
    for (const thing of [client, client.vault, client.vault.list()]) {
      expect(texts(thing)).not.toContain(secret);
      expect(texts(thing)).not.toContain('anm_');
    }
    expect(inspect(client)).toBe(`Anima { baseURL: '${baseURL}' }`);
    expect(JSON.stringify({ client })).toBe(`{"client":{"baseURL":"${baseURL}"}}`);
  });

  const leaky = Object.assign(new TypeError(`bad header Bearer ${apiKey}`), {
    config: { headers: { authorization: `Bearer ${apiKey}` }, data: value },
    cause: new Error(apiKey),
    code: apiKey,
  });
  const echo = { detail: `you sent ${apiKey}`, errors: [{ path: apiKey, message: apiKey }], requestId: `${apiKey} x` };

  test.each([
    ['a fetch that throws the whole request', leaky],
    ['a vault that repeats the key', problem('invalid_request', echo)],
    ['a proxy that repeats the request', new Response(`PUT Authorization: Bearer ${apiKey} ${value}`, { status: 500 })],
    ['broken JSON with the value', new Response(`{"value":"${value}" ${apiKey}`)],
    ['the wrong shape with the value', json({ name: 'a', value, key: apiKey })],
    ['a code made of the key', json({ type: `urn:anima:error:${apiKey}`, code: apiKey }, 400)],
  ])('by the error of %s', async (_title, answer) => {
    const { vault } = clientOf(fakeFetch(answer).fetch, { maxRetries: 0 });
    for (const error of [await rejectionOf(vault.set('a', value)), await rejectionOf(vault.get('a'))]) {
      expect(texts(error)).not.toContain(secret);
      expect(texts(error)).not.toContain(value);
      expect((error as Error).cause).toBeUndefined();
    }
  });

  test('by a client with a user key, nor by anything of it', () => {
    const client = userClientOf(fakeFetch().fetch);
    const { memory, account, users } = client;
    for (const thing of [
      client,
      memory,
      account,
      users,
      memory.list(),
      memory.search(value),
      memory.exportFernet({ apiKey, userId: value }),
    ]) {
      for (const hidden of [secret, 'anm_', value]) expect(texts(thing)).not.toContain(hidden);
    }
    expect(inspect(client)).toBe(`Anima { baseURL: '${baseURL}' }`);
  });

  test.each([
    ['a fetch that throws the whole request', leaky],
    ['a vault that repeats the key', problem('invalid_request', echo)],
    ['a proxy that repeats the request', new Response(`Authorization: Bearer ${apiKey} ${value}`, { status: 500 })],
    ['the wrong shape with the record', json({ id: 'a', data: value, key: apiKey })],
  ])('by the error of a record, of a search or of a password, when there is %s', async (_title, answer) => {
    const { memory, account } = userClientOf(fakeFetch(answer).fetch, { maxRetries: 0 });
    const calls = [
      memory.add(value),
      memory.addMany([{ data: value }]),
      memory.get('a'),
      memory.search(value).toArray(),
      account.setPassword({ login: 'ada', password: value }),
    ];
    for (const error of await Promise.all(calls.map(rejectionOf))) {
      for (const hidden of [secret, value]) expect(texts(error)).not.toContain(hidden);
    }
  });

  test('by the errors of a batch', async () => {
    const { fetch } = fakeFetch(
      json({ results: [{ name: 'a', ok: false, error: { code: 'forbidden', title: apiKey, detail: apiKey } }] }),
    );
    const result = await clientOf(fetch).vault.setMany({ a: value });
    expect(texts(result) + texts([...result])).not.toContain(secret);
    expect(texts([...result])).not.toContain(value);
  });

  test('by the refusal of an argument', async () => {
    const { vault } = clientOf(fakeFetch().fetch);
    for (const promise of [
      vault.get(`${apiKey} `),
      vault.set('a', `${value}\ud800`),
      vault.set('a', value, { writeId: `${value}!` }),
    ]) {
      const error = await rejectionOf(promise);
      expect(texts(error)).not.toContain(secret);
      expect(texts(error)).not.toContain(value);
    }
  });

  test('by the refusal of a malformed key', () => {
    expect(texts(thrown(() => new Anima({ apiKey: `${apiKey}\n` })))).not.toContain(secret);
  });
});

describe('where a key comes from', () => {
  test('the option, else ANIMA_KEY; the address likewise from ANIMA_URL, else the local vault', async () => {
    const { fetch, seen } = fakeFetch(json({ ...info('a'), value: 'v' }));
    vi.stubEnv('ANIMA_KEY', localApiKey);
    vi.stubEnv('ANIMA_URL', '');
    await new Anima({ apiKey: undefined, fetch }).vault.get('a');
    vi.stubEnv('ANIMA_URL', 'https://env.test/stage/');
    await new Anima({ fetch }).vault.get('a');
    await new Anima({ fetch, baseURL: 'https://option.test' }).vault.get('a');
    expect(seen.map(({ url }) => url)).toEqual([
      'http://127.0.0.1:8787/v1/vault/values/a',
      'https://env.test/stage/v1/vault/values/a',
      'https://option.test/v1/vault/values/a',
    ]);
    expect(seen[0]?.headers.authorization).toBe(`Bearer ${localApiKey}`);
  });

  test('a key that no local vault issued goes to no address that nobody named', () => {
    vi.stubEnv('ANIMA_KEY', apiKey);
    vi.stubEnv('ANIMA_URL', '');
    const { fetch, seen } = fakeFetch(json({ ...info('a'), value: 'v' }));
    for (const options of [{}, { apiKey }, { apiKey: userKey }, { session: true, apiKey: undefined }]) {
      const error = thrown(() => new Anima({ ...options, fetch }));
      expect(error).toMatchObject({ name: 'InvalidRequestError', code: 'missing_url' });
      expect(texts(error)).not.toContain(secret);
    }
    expect(seen).toEqual([]);
    expect(new Anima({ fetch, baseURL: 'http://127.0.0.1:8787' }).baseURL).toBe('http://127.0.0.1:8787');
  });

  test('ids of deployments never look like ids of local vaults', () => {
    expect(isLocalOrg('local456789abcde')).toBe(true);
    expect(Array.from({ length: 1000 }, randomId).join('')).not.toMatch(/[lo]/);
  });

  test('no key at all is refused when the client is made', () => {
    vi.stubEnv('ANIMA_KEY', undefined);
    for (const key of [undefined, '']) {
      const error = thrown(() => new Anima({ apiKey: key, baseURL }));
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error).toMatchObject({ code: 'missing_api_key' });
    }
  });

  const flipped = `${apiKey.slice(0, -1)}${apiKey.endsWith('0') ? '1' : '0'}`;
  test.each([
    ['a typo', flipped],
    ['a line end', `${apiKey}\n`],
    ['another product', 'sk_live_1'],
    ['a short one', apiKey.slice(0, 60)],
  ])('a key with %s is refused offline', (_title, key) => {
    expect(thrown(() => new Anima({ apiKey: key, baseURL }))).toMatchObject({
      name: 'AuthenticationError',
      code: 'invalid_api_key',
    });
  });

  test('a user agent suffix is appended, and one that would break the header is refused', async () => {
    const { fetch, seen } = fakeFetch(json({ deleted: true }));
    await clientOf(fetch, { userAgent: 'billing-agent/2.1' }).vault.delete('a');
    expect(seen[0]?.headers['user-agent']).toBe('anima-sdk/0.1.0 billing-agent/2.1');
    expect(thrown(() => clientOf(fetch, { userAgent: 'a\r\nx: y' }))).toMatchObject({ code: 'invalid_argument' });
  });
});

describe('a key travels over https, or to this machine', () => {
  test.each([
    'https://vault.example.com',
    'https://vault.example.com/prod/',
    'https://10.0.0.1:8443',
    'http://127.0.0.1:8787',
    'http://127.255.0.9',
    'http://127.1',
    'http://localhost:8787',
    'http://LOCALHOST',
    'http://[::1]:8787',
    'http://[0:0:0:0:0:0:0:1]',
  ])('%s is taken', (url) => {
    expect(clientOf(fakeFetch().fetch, { baseURL: url }).baseURL).toBe(new URL(url).href.replace(/\/$/, ''));
  });

  test.each([
    ['http://vault.example.com', 'insecure_url'],
    ['http://localhost.evil.com', 'insecure_url'],
    ['http://evil.localhost', 'insecure_url'],
    ['http://localhost.', 'insecure_url'],
    ['http://127.0.0.1.evil.com', 'insecure_url'],
    ['http://128.0.0.1', 'insecure_url'],
    ['http://0.0.0.0', 'insecure_url'],
    ['http://192.168.1.1', 'insecure_url'],
    ['http://[::ffff:127.0.0.1]', 'insecure_url'],
    ['http://[::2]', 'insecure_url'],
    ['http://127.0.0.1@evil.com', 'insecure_url'],
    ['http://localhost:80@evil.com', 'insecure_url'],
    ['https://user:PASSWORD@vault.example.com', 'insecure_url'],
    ['http://evil.com#127.0.0.1', 'insecure_url'],
    ['http://evil.com\\@127.0.0.1', 'insecure_url'],
    ['http://①②⑦.evil.com', 'insecure_url'],
    ['ftp://127.0.0.1', 'insecure_url'],
    ['file:///x', 'insecure_url'],
    ['javascript:alert(1)', 'insecure_url'],
    ['ws://127.0.0.1', 'insecure_url'],
    ['https://vault.example.com?x=1', 'invalid_argument'],
    ['https://vault.example.com#x', 'invalid_argument'],
    ['vault.example.com', 'invalid_argument'],
    ['', 'invalid_argument'],
  ])('%s is refused as %s', (url, code) => {
    const error = thrown(() => clientOf(fakeFetch().fetch, { baseURL: url }));
    expect(error).toMatchObject({ code });
    expect(texts(error)).not.toContain('PASSWORD');
  });
});

function thrown(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('expected an error');
}
