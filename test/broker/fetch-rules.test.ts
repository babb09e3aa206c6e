/** What the broker refuses, counts and remembers, over in-memory stores and hosts that the test plays. */
import { describe, expect, test } from 'vitest';
import { OutboundRequestError } from '../../egress/exchange/outbound-http.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { createInMemoryBroker, type Host } from './in-memory-broker.ts';

const secret = 'sk_live_4eC39HqLyjWDarjtT1zdp7dc';
const use = (path = '/v1/charges', name = 'prod/key') => ({
  url: `https://api.example.com${path}`,
  headers: { authorization: `Bearer {{anima://${name}}}` },
});

async function createWorld(metadata: Record<string, string> = {}, host: Host = () => ({ body: '{"ok":true}' })) {
  const broker = createInMemoryBroker({ 'api.example.com': host, 'other.example.com': host });
  await broker.vault.set('prod/key', secret, { metadata: { allowed_hosts: 'api.example.com', ...metadata } });
  return broker;
}

test('a value is allowed as often in each minute as its rules say, in all environments together', async () => {
  const world = await createWorld({ allowed_per_minute: '3' });
  // The minute does not end during this test.
  world.pass(60_000 - (Date.now() % 60_000));
  const other = world.instance();
  for (const fetch of [world.fetch, other, world.fetch]) expect((await fetch(use())).status).toBe(200);
  for (const fetch of [world.fetch, other]) {
    await expect(fetch(use())).rejects.toMatchObject({
      code: 'use_limit_reached',
      extras: { retryAfterSeconds: expect.any(Number) },
    });
  }
  expect(world.requests).toHaveLength(3);
  world.pass(60_000);
  expect((await other(use())).status).toBe(200);
});

test.each([
  [{ allowed_paths: '/v2/**' }],
  [{ allowed_headers: 'x-api-key' }],
  [{ allowed_methods: 'POST' }],
  [{ allowed_in: 'query' }],
  [{ allowed_hosts: '*.github.io' }],
  [{ allowed_hosts: 'evil.example.com' }],
  [{ allowed_per_minute: 'many' }],
])('with the rules %j, nothing is sent and nothing is counted', async (metadata) => {
  const world = await createWorld(metadata as unknown as Record<string, string>);
  expect(await errorCodeOf(world.fetch(use()))).toBe('use_refused');
  expect([world.requests.length, world.records.hosts.size, world.records.uses.size]).toEqual([0, 0, 0]);
});

test('an older version must comply with the rules of the current one too', async () => {
  const world = await createWorld();
  await world.vault.set('prod/key', 'the-next-value', { metadata: { allowed_hosts: 'other.example.com' } });
  expect(await errorCodeOf(world.fetch(use('/', 'prod/key?version=1')))).toBe('use_refused');
  expect(world.requests).toEqual([]);
});

test.each([
  ['abc', 'value_unusable'],
  ['x'.repeat(4097), 'value_unusable'],
  ['line\nend', 'value_unusable'],
])('a value that cannot be searched for, or cannot stand in a header, is not sent: %#', async (value, code) => {
  const world = await createWorld();
  await world.vault.set('prod/key', value, { metadata: { allowed_hosts: 'api.example.com' } });
  expect(await errorCodeOf(world.fetch(use()))).toBe(code);
  expect(world.requests).toEqual([]);
});

test('the vault itself gets no value, whatever the rules say', async () => {
  const world = await createWorld({ allowed_hosts: 'vault.example.com' });
  const toVault = { ...use(), url: 'https://vault.example.com/v1/vault/values/x' };
  expect(await errorCodeOf(world.fetch(toVault))).toBe('use_refused');
  expect(world.requests).toEqual([]);
});

test('a response is at most as long as the rules of each value allow', async () => {
  const world = await createWorld({ allowed_response_bytes: '10' }, () => ({ body: 'y'.repeat(100) }));
  expect(await world.fetch({ ...use(), maxResponseBytes: 50 })).toMatchObject({
    body: 'y'.repeat(10),
    truncated: true,
  });
});

test.each([
  ['address', false, 'destination_refused'],
  ['connection', false, 'upstream_failed'],
  ['connection', true, 'upstream_timeout'],
  ['exchange', false, 'upstream_failed'],
  ['exchange', true, 'upstream_timeout'],
] as const)(
  'a failure at the stage %s (time-out: %s) is %s, and says whether the host may have acted',
  async (stage, late, code) => {
    const world = await createWorld({}, () => Promise.reject(new OutboundRequestError('it failed', stage, late)));
    const outcome = stage === 'exchange' ? 'may have received' : 'Nothing was sent';
    await expect(world.fetch(use())).rejects.toMatchObject({
      code,
      extras: { detail: expect.stringContaining(outcome) },
    });
  },
);

describe('what a host knows', () => {
  const echoAll: Host = () => ({ body: `you told me ${secret}` });

  test('is concealed in responses to other values, in another environment, and after the value was replaced', async () => {
    const world = await createWorld({}, echoAll);
    await world.vault.set('prod/other', 'another-value', { metadata: { allowed_hosts: 'api.example.com' } });
    await world.fetch(use());
    await world.vault.set('prod/key', 'the-next-value', { metadata: { allowed_hosts: 'api.example.com' } });
    const answer = await world.instance()(use('/', 'prod/other'));
    expect(answer.body).toBe('you told me <concealed by anima>');
  });

  test('is recorded before the request is sent, by version and without the value', async () => {
    const world = await createWorld({}, () => {
      expect([...(world.records.hosts.get('api.example.com') ?? [])]).toEqual(['prod/key?version=1']);
      return { body: '' };
    });
    await world.fetch(use());
    expect(JSON.stringify([...world.records.hosts].map(([host, known]) => [host, ...known]))).not.toContain(secret);
  });

  test('has room for 100 values; deleted ones make room, and then the use of another one is refused', async () => {
    const world = await createWorld();
    const known = Array.from({ length: 100 }, (_, i) => `gone/${i}?version=1`);
    world.records.hosts.set('api.example.com', new Set(known));
    expect((await world.fetch(use())).status).toBe(200);
    expect(world.records.hosts.get('api.example.com')).toEqual(new Set(['prod/key?version=1']));
    for (let i = 0; i < 4; i++) {
      const value = `${i}`.repeat(4000);
      await world.vault.set(`big/${i}`, value, { metadata: { allowed_hosts: 'api.example.com' } });
    }
    for (const name of ['big/0', 'big/1', 'big/2']) expect((await world.fetch(use('/', name))).status).toBe(200);
    const sent = world.requests.length;
    expect(await errorCodeOf(world.fetch(use('/', 'big/3')))).toBe('search_full');
    expect(world.requests).toHaveLength(sent);
    expect((await world.fetch(use())).status).toBe(200);
  });
});
