/** Refresh tokens: one refresh at a time, no loss without a word, and providers that rotate, fail or answer twice. */
import { describe, expect, test } from 'vitest';
import type { FetchRequest } from '../../contract/broker/wire.ts';
import { OutboundRequestError } from '../../egress/exchange/outbound-http.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { type Answer, createInMemoryBroker } from './in-memory-broker.ts';

const tokenUrl = 'https://oauth.example.com/token';
const name = 'prod/refresh';
const metadata = {
  allowed_hosts: 'api.example.com',
  allowed_token_hosts: 'oauth.example.com',
  allowed_in: 'auth',
};

const refreshAuth = {
  type: 'oauth2-refresh-token',
  tokenUrl,
  clientId: 'client',
  refreshToken: `anima://${name}`,
} as const;
const request = (more: object = {}): FetchRequest => ({
  url: 'https://api.example.com/mail',
  auth: { ...refreshAuth, ...more },
});

/** A provider that ends each refresh token with its use. */
function rotatingProvider() {
  const state = { valid: 'refresh-token-number-0', issued: 0, refreshes: 0 };
  const answer = ({ body }: { readonly body: Buffer | undefined }): Answer => {
    const given = new URLSearchParams(body?.toString()).get('refresh_token');
    state.refreshes++;
    if (given !== state.valid) return { status: 400, body: '{"error":"invalid_grant"}' };
    state.issued++;
    state.valid = `refresh-token-number-${state.issued}`;
    const issued = { access_token: `access-token-number-${state.issued}`, refresh_token: state.valid };
    return { body: JSON.stringify({ ...issued, token_type: 'Bearer', expires_in: 3600 }) };
  };
  return { state, answer };
}

const echo = ({ headers }: { readonly headers: ReadonlyMap<string, string> }): Answer => ({
  body: JSON.stringify({ seen: headers.get('authorization'), ok: true }),
});

async function createWorld(host?: (answer: () => Answer) => Promise<Answer> | Answer) {
  const provider = rotatingProvider();
  const broker = createInMemoryBroker({
    'oauth.example.com': (sent) => (host === undefined ? provider.answer(sent) : host(() => provider.answer(sent))),
    'api.example.com': echo,
  });
  await broker.vault.set(name, provider.state.valid, { metadata });
  const apiRequests = () => broker.requests.filter(({ url }) => url.host === 'api.example.com');
  return { ...broker, provider: provider.state, apiRequests };
}

describe('an access token', () => {
  test('is made from the refresh token, goes to the host, and is concealed in its response', async () => {
    const world = await createWorld();
    const answer = await world.fetch(request());
    expect(world.apiRequests()[0]?.headers.get('authorization')).toBe('Bearer access-token-number-1');
    expect(answer.body).toContain('<concealed by anima>');
    expect(JSON.stringify(answer)).not.toMatch(/token-number/);
  });

  test('is used by all environments until a minute before its end, and concealed after it was replaced', async () => {
    const world = await createWorld();
    await world.fetch(request());
    await world.instance()(request());
    expect(world.provider.refreshes).toBe(1);
    world.pass(3_541_000);
    await world.instance()(request());
    expect(world.provider.refreshes).toBe(2);
    expect([...(world.records.hosts.get('api.example.com') ?? [])]).toContainEqual(expect.stringMatching(/^@token\//));
  });

  test('is nowhere in the tables in clear', async () => {
    const world = await createWorld();
    await world.fetch(request());
    const stored = JSON.stringify([
      [...world.tokenRecords.records],
      [...world.vault.stores.items],
      [...world.records.hosts],
    ]);
    expect(stored).not.toMatch(/token-number/);
  });
});

describe('a refresh token that the provider rotates', () => {
  test('is stored as the next version, with the metadata, and used for the next refresh', async () => {
    const world = await createWorld();
    await world.fetch(request());
    expect(await world.vault.get(name)).toMatchObject({ version: 2, value: 'refresh-token-number-1', metadata });
    world.pass(3_600_000);
    await world.fetch(request());
    expect(await world.vault.get(name)).toMatchObject({ version: 3, value: 'refresh-token-number-2' });
  });

  test('50 concurrent uses in several environments make one refresh', async () => {
    const world = await createWorld(async (answer) => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      return answer();
    });
    world.tokenRecords.readDelayMs = 30;
    const fetches = [world.fetch, world.instance(), world.instance(), world.instance()];
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => (fetches[i % fetches.length] ?? world.fetch)(request())),
    );
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(world.provider.refreshes).toBe(1);
    expect(world.apiRequests()).toHaveLength(50);
    expect(await world.vault.get(name)).toMatchObject({ version: 2 });
  });

  test('another tokenUrl, client or grace does not make a second refresh at the same time', async () => {
    const world = await createWorld(async (answer) => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      return answer();
    });
    await Promise.all([
      world.fetch(request()),
      world.instance()(request({ tokenUrl: `${tokenUrl}?x` })),
      world.instance()(request({ clientId: 'other' })),
      world.instance()(request({ graceSeconds: 60, rotates: false })),
    ]);
    expect(world.provider.refreshes).toBe(1);
  });
});

describe('a function that is killed', () => {
  /** Never ends, like a function whose environment is gone. */
  const killed = new Promise<never>(() => undefined);

  test('after the answer of the provider leaves `uncertain`: no second refresh, until a person sets a new token', async () => {
    const world = await createWorld();
    world.tokenRecords.beforeReplace = async ({ state }) => {
      if (state === 'ready') await killed;
    };
    void world.fetch(request());
    await expect.poll(() => world.provider.refreshes).toBe(1);
    world.tokenRecords.beforeReplace = undefined;
    world.pass(31_000);
    const other = world.instance();
    expect(await errorCodeOf(other(request()))).toBe('credential_uncertain');
    expect(await errorCodeOf(other(request()))).toBe('credential_uncertain');
    expect(await errorCodeOf(other(request({ graceSeconds: 20 })))).toBe('credential_uncertain');
    expect(world.provider.refreshes).toBe(1);
    expect(world.apiRequests()).toEqual([]);
    await world.vault.set(name, world.provider.valid, { metadata });
    expect((await other(request())).status).toBe(200);
  });

  test('before its lease has ended makes others wait and then say that it is busy', async () => {
    const world = await createWorld(() => killed);
    void world.fetch(request());
    await expect.poll(() => world.requests.length).toBe(1);
    expect(await errorCodeOf(world.instance()(request()))).toBe('credential_busy');
    expect(world.requests).toHaveLength(1);
  });

  test('after it stored the answer and before the version: the next one stores the version, without a refresh', async () => {
    const world = await createWorld();
    const { values } = world.vault.stores;
    const put = values.putIfUnchanged;
    Object.assign(values, { putIfUnchanged: () => killed });
    void world.fetch(request());
    await expect.poll(() => [...world.tokenRecords.records.values()][0]?.pending).toBe(true);
    Object.assign(values, { putIfUnchanged: put });
    expect((await world.instance()(request())).status).toBe(200);
    expect(await world.vault.get(name)).toMatchObject({ version: 2, value: 'refresh-token-number-1' });
    expect(world.provider.refreshes).toBe(1);
  });

  test('is retried once within the grace of the provider', async () => {
    let isKilled = true;
    const world = await createWorld((answer) => (isKilled ? killed : answer()));
    void world.fetch(request());
    await expect.poll(() => world.requests.length).toBe(1);
    isKilled = false;
    world.pass(31_000);
    expect((await world.instance()(request({ graceSeconds: 60 }))).status).toBe(200);
    expect(world.provider.refreshes).toBe(1);
  });

  test('is retried with a provider that does not rotate', async () => {
    let isKilled = true;
    const world = await createWorld((answer) => (isKilled ? killed : answer()));
    void world.fetch(request({ rotates: false }));
    await expect.poll(() => world.requests.length).toBe(1);
    isKilled = false;
    world.pass(31_000);
    expect((await world.instance()(request({ rotates: false }))).status).toBe(200);
  });
});

describe('a provider', () => {
  const timeout = new OutboundRequestError('it was not complete within 6 seconds', 'exchange', true);
  const unreachable = new OutboundRequestError('its host refused the connection', 'connection');

  test.each([
    ['times out', () => Promise.reject(timeout), 'credential_uncertain'],
    ['answers 500', () => ({ status: 500 }), 'credential_uncertain'],
    ['answers no JSON', () => ({ body: '<html>' }), 'credential_uncertain'],
    [
      'answers a token of another type',
      () => ({ body: '{"access_token":"abcdef","token_type":"mac"}' }),
      'credential_uncertain',
    ],
    ['answers without an access token', () => ({ body: '{"token_type":"bearer"}' }), 'credential_uncertain'],
    [
      'answers a redirect',
      () => ({ status: 302, headers: { location: 'https://evil.example' } }),
      'credential_uncertain',
    ],
    ['refuses the token', () => ({ status: 400, body: '{"error":"invalid_grant"}' }), 'credential_refused'],
  ] as [string, () => Promise<Answer> | Answer, string][])(
    'that %s: %s, and is not asked again',
    async (_, host, code) => {
      const world = await createWorld(host);
      expect(await errorCodeOf(world.fetch(request()))).toBe(code);
      expect(await errorCodeOf(world.instance()(request()))).toBe(code);
      expect(world.requests).toHaveLength(1);
    },
  );

  test.each([
    ['cannot be reached', () => Promise.reject(unreachable), 'upstream_failed'],
    ['asks to wait', () => ({ status: 429 }), 'upstream_failed'],
    ['refuses the client', () => ({ status: 401, body: '{"error":"invalid_client"}' }), 'credential_refused'],
  ] as [string, () => Promise<Answer> | Answer, string][])('that %s: %s, and is asked again', async (_, host, code) => {
    let isFirst = true;
    const world = await createWorld((answer) => {
      const now = isFirst;
      isFirst = false;
      return now ? host() : answer();
    });
    expect(await errorCodeOf(world.fetch(request()))).toBe(code);
    expect((await world.fetch(request())).status).toBe(200);
  });

  test('whose answer meets a token that a person has set meanwhile: theirs stays', async () => {
    const world = await createWorld(async (answer) => {
      const given = answer();
      await world.vault.set(name, 'a-token-of-a-person', { metadata });
      return given;
    });
    await world.fetch(request()).catch(() => undefined);
    expect(await world.vault.get(name)).toMatchObject({ version: 2, value: 'a-token-of-a-person' });
  });

  test('a write of the state whose reply is lost is recognized', async () => {
    const world = await createWorld();
    world.tokenRecords.losesReply = true;
    expect((await world.fetch(request())).status).toBe(200);
    expect(world.provider.refreshes).toBe(1);
  });
});

describe('the rules of a refresh token', () => {
  test.each([
    [{ tokenUrl: 'https://evil.example.com/token' }, {}, 'use_refused'],
    [{ tokenUrl: 'http://oauth.example.com/token' }, {}, 'use_refused'],
    [{ tokenUrl: 'https://vault.example.com/v1/fetch' }, {}, 'use_refused'],
    [{ refreshToken: `anima://${name}?version=1` }, {}, 'invalid_request'],
    [{}, { url: 'https://oauth.example.com/' }, 'use_refused'],
    [{}, { auth: undefined, headers: { authorization: `{{anima://${name}}}` } }, 'use_refused'],
  ])('%j %j: %s', async (auth, more, code) => {
    const world = await createWorld();
    expect(await errorCodeOf(world.fetch({ ...request(auth), ...more }))).toBe(code);
    expect(world.requests).toEqual([]);
    expect(world.tokenRecords.records.size).toBe(0);
  });
});
