/**
 * DNS rebinding against the bundle that is deployed: the name of an allowed host leads to another address at the second look.
 * The shared code is tested in test/egress/http-exchange.test.ts; here, nothing of the function is replaced but the network.
 */
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { addressesOffTheInternet } from '../egress/addresses-off-the-internet.ts';
import { type HostileServer, startHostileServer } from '../egress/hostile-server.ts';
import { tracesOf } from '../egress/secret-search.ts';
import { type LocalStack, startLocalStack } from '../shared/local-stack.ts';
import { assemblyWithResolver, type ReboundAssembly } from './rebound-resolver.ts';

const secret = 'sk_live_4eC39HqLyjWDarjtT1zdp7dc';
const [first, second] = ['8.8.8.8', '2606:4700::1111'];
const privateAddress = '169.254.169.254';
const inside = (address: string) => `n${addressesOffTheInternet.indexOf(address)}.example.com`;
const answers = {
  'rebound.example.com': [[first], [privateAddress]],
  'twice.example.com': [[first], [first]],
  'mixed.example.com': [[first, privateAddress]],
  'last.example.com': [[first, second, '10.0.0.1']],
  'none.example.com': [[]],
  ...Object.fromEntries(addressesOffTheInternet.map((address) => [inside(address), [[address]]])),
};

let host: HostileServer;
let rebound: ReboundAssembly;
let stack: LocalStack;
let userKey: string;

beforeAll(async () => {
  host = await startHostileServer();
  rebound = assemblyWithResolver(inject('assembly'), answers, host.port);
  stack = await startLocalStack({ assembly: rebound.folder });
  const admin = stack.clientOf(stack.vault.adminKey);
  const hosts = ['http://*.example.com', '*.example.com'].join(', ');
  await admin.vault.set('prod/secret', secret, { metadata: { allowed_hosts: hosts } });
  userKey = (await admin.keys.create({ role: 'user-of-secrets' })).key;
});
afterAll(async () => {
  await stack?.vault.close();
  rebound?.remove();
  await host?.close();
});
afterEach(() => {
  rebound.observed();
});

async function use(url: string): Promise<{ readonly status: number; readonly body: { readonly code?: string } }> {
  const body = { url, headers: { authorization: 'Bearer {{anima://prod/secret}}' } };
  const answer = await stack.http('POST', '/v1/fetch', { key: userKey, body });
  const text = await answer.text();
  expect(tracesOf(secret, text)).toEqual([]);
  return { status: answer.status, body: JSON.parse(text) };
}

const refused = { status: 403, body: { code: 'destination_refused' } };

describe('a request of the bundled broker', () => {
  test('resolves the name once, and connects to the address that was checked', async () => {
    const before = host.received.length;
    expect(await use('http://rebound.example.com/ok')).toMatchObject({ status: 200 });
    expect(rebound.observed()).toEqual({ resolved: ['rebound.example.com'], dialled: [first] });
    expect(host.received).toHaveLength(before + 1);
    expect(host.received.at(-1)?.headers).toMatchObject({
      host: 'rebound.example.com',
      authorization: `Bearer ${secret}`,
    });
    // The next request gets the second answer, and sends nothing.
    expect(await use('http://rebound.example.com/ok')).toMatchObject(refused);
    expect(rebound.observed()).toEqual({ resolved: ['rebound.example.com'], dialled: [] });
    expect(host.received).toHaveLength(before + 1);
  });

  test('over https connects to no other address than that, also if TLS fails', async () => {
    expect(await use('https://twice.example.com/ok')).toMatchObject({ status: 502, body: { code: 'upstream_failed' } });
    expect(rebound.observed()).toEqual({ resolved: ['twice.example.com'], dialled: [first] });
  });

  test('does not follow a redirect to a name that leads inside', async () => {
    expect(await use('http://twice.example.com/metadata')).toMatchObject({
      status: 200,
      body: { bodyOmitted: 'redirect' },
    });
    expect(rebound.observed()).toEqual({ resolved: ['twice.example.com'], dialled: [first] });
  });

  test.each(['mixed.example.com', 'last.example.com', 'none.example.com'])(
    'to %s is refused whichever address comes first',
    async (name) => {
      const before = host.received.length;
      expect(await use(`https://${name}/`)).toMatchObject(refused);
      expect(rebound.observed()).toEqual({ resolved: [name], dialled: [] });
      expect(host.received).toHaveLength(before);
    },
  );

  test(`to a name with any of the ${addressesOffTheInternet.length} addresses off the internet is refused`, async () => {
    const before = host.received.length;
    for (const address of addressesOffTheInternet)
      for (const scheme of ['http', 'https'])
        expect([address, await use(`${scheme}://${inside(address)}/`)]).toMatchObject([address, refused]);
    const { resolved, dialled } = rebound.observed();
    expect([resolved.length, dialled]).toEqual([2 * addressesOffTheInternet.length, []]);
    expect(host.received).toHaveLength(before);
  });
});
