/** Web Push over HTTP: subscriptions, who gets a notice and when, and what a notice says. */
import { GetPublicKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DeletePushResponse, GetPushKeyResponse, PutPushResponse } from '../../contract/sessions/wire.ts';
import type { ProviderRequest } from '../../local/vault/provider-emulator.ts';
import { accepted, ann, bob, type TestDevice } from '../core/directory/directory-simulator.ts';
import { expectProblem, type Item, useLocalStack } from '../shared/local-stack.ts';
import { readySocket } from './device-socket.ts';
import { okJson, type Sender, ServedDirectory } from './served-directory.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
let served: ServedDirectory;
let phone: TestDevice;
let bobs: TestDevice;
let conversation: string;

beforeAll(async () => {
  served = await ServedDirectory.begin(stack);
  phone = served.first;
  bobs = served.simulator.admit(bob, 'owner');
  await served.push();
  conversation = await served.open(ann, [phone], [ann, bob]);
});
afterEach(async () => {
  stack.vault.setHooks();
  for (const prefix of ['p/', 'q/']) for (const item of await rows(prefix)) await remove(item);
});

const table = () => stack.table('SessionCustodyMailboxesTable');
const rows = async (prefix: string): Promise<Item[]> =>
  (await stack.allItems(table())).filter(({ org, id }) => org?.S === served.org && id?.S?.startsWith(prefix));
const remove = ({ org, id }: Item) => stack.deleteItem(table(), { org: org?.S ?? '', id: id?.S ?? '' });
const put = (device: Sender, endpoint: string) => served.send(device, 'PUT', '/push', { endpoint });
const endpointOf = (name: string) => `https://push.provider.net/send/${name}?secret=${name}`;
const notices = (name: string): ProviderRequest[] =>
  stack.vault.providerRequests().filter(({ provider, path }) => provider === 'push' && path.includes(`/send/${name}?`));
const noticed = (name: string, times: number) => expect.poll(() => notices(name)).toHaveLength(times);
const write = (text = 'hello') => served.sendAll(phone, [served.messageFor(phone, bobs.id, conversation, text)]);
/** The line of the notifier comes after everything that it does. */
const lines = () => stack.vault.logs().split('"route":"messages"').length;
const notified = (before: number) => expect.poll(lines).toBeGreaterThan(before);

describe('a subscription', () => {
  test('is stored, prolonged, listed under its own device only, and removed', async () => {
    const first = await okJson<PutPushResponse>(put(bobs, endpointOf('a')));
    expect(first.subscription).toMatch(/^[0-9a-f]{32}$/);
    const days = (Date.parse(first.expiresAt) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(89.9);
    expect(days).toBeLessThan(90.1);
    expect((await okJson<PutPushResponse>(put(bobs, endpointOf('a')))).subscription).toBe(first.subscription);
    expect(await rows(`p/${bobs.id}/`)).toHaveLength(1);
    const removal = (device: Sender, query = '') =>
      okJson<DeletePushResponse>(served.send(device, 'DELETE', `/push${query}`));
    expect(await removal(phone, `?subscription=${first.subscription}`)).toEqual({ removed: 0 });
    expect(await removal(phone)).toEqual({ removed: 0 });
    await okJson(put(bobs, endpointOf('b')));
    expect(await removal(bobs, `?subscription=${first.subscription}`)).toEqual({ removed: 1 });
    expect(await removal(bobs)).toEqual({ removed: 1 });
    expect(await rows('p/')).toEqual([]);
  });

  test('is the fifth of a device: it replaces the one that expires first', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await okJson(put(bobs, endpointOf(name)));
    const endpoints = (await rows(`p/${bobs.id}/`)).map(({ endpoint }) => endpoint?.S).toSorted();
    expect(endpoints).toEqual(['b', 'c', 'd', 'e'].map(endpointOf));
  });

  test.each([
    'http://push.provider.net/x',
    'https://push.provider.net:8443/x',
    'https://user@push.provider.net/x',
    'https://push.provider.net/x#y',
    'https://localhost/x',
    'https://push/x',
    'https://printer.local/x',
    'https://vault.internal/x',
    'https://169.254.169.254/latest/meta-data',
    'https://127.0.0.1/x',
    'https://2130706433/x',
    'https://0x7f.1/x',
    'https://[::1]/x',
    'https://[::ffff:10.0.0.1]/x',
    'ftp://push.provider.net/x',
    'push.provider.net',
  ])('with the endpoint %s is refused', async (endpoint) => {
    await expectProblem(await put(bobs, endpoint), 'endpoint_refused');
    expect(await rows('p/')).toEqual([]);
  });

  test('with an endpoint that is too long, or with keys, is an invalid request', async () => {
    await expectProblem(await put(bobs, endpointOf('x'.repeat(1_024))), 'invalid_request');
    const keys = { endpoint: endpointOf('a'), keys: { p256dh: 'x', auth: 'y' } };
    await expectProblem(await served.send(bobs, 'PUT', '/push', keys), 'invalid_request');
  });
});

describe('C1: a notice', () => {
  test('has no body and no header that says more than the protocol needs', async () => {
    await okJson(put(bobs, endpointOf('one')));
    await write();
    await noticed('one', 1);
    const [notice] = notices('one');
    expect(notice?.path).toBe('/push.provider.net/send/one?secret=one');
    expect(notice?.body).toBe('');
    expect(notice?.headers).toMatchObject({ ttl: '86400', urgency: 'high', 'content-length': '0' });
    // Nothing but the headers of the protocol.
    expect(Object.keys(notice?.headers ?? {}).filter((name) => /^x-|topic|encr|crypto|content-e/.test(name))).toEqual(
      [],
    );
  });

  test('comes at most once a minute', async () => {
    await okJson(put(bobs, endpointOf('often')));
    await write();
    await noticed('often', 1);
    const before = lines();
    await write();
    await notified(before);
    expect(notices('often')).toHaveLength(1);
    // The same minute later.
    const [notice] = await rows(`q/${bobs.id}`);
    await stack.putItem(table(), { ...notice, at: { N: String(Number(notice?.at?.N) - 60) } });
    await write();
    await noticed('often', 2);
  });

  test('does not come to a device with a ready socket, and comes when all of its sockets are dead', async () => {
    await okJson(put(bobs, endpointOf('socket')));
    const socket = await readySocket(served, bobs);
    await write();
    expect(await socket.frame()).toMatchObject({ type: 'message' });
    const before = lines();
    await write();
    await notified(before);
    expect(notices('socket')).toEqual([]);
    const [row] = await rows(`c/${bobs.id}/`);
    socket.socket.close();
    await socket.closed;
    await expect.poll(async () => await rows(`c/${bobs.id}/`)).toEqual([]);
    // $disconnect is not guaranteed to arrive.
    await stack.putItem(table(), row ?? expect.fail());
    await write();
    await noticed('socket', 1);
    await expect.poll(async () => await rows(`c/${bobs.id}/`)).toEqual([]);
  });

  test('comes to no device that the sender may not write to, that is suspended, or that has read the message', async () => {
    const device = served.simulator.add(phone, ann, 'owner');
    await served.push();
    await okJson(put(device, endpointOf('lost')));
    accepted(served.simulator.setStatus('suspend', device.id));
    await served.push();
    const refused = served.messageFor(bobs, device.id, conversation, 'x');
    expect(await served.sendAll(bobs, [refused])).toMatchObject([{ outcome: 'not_allowed' }]);
    expect(notices('lost')).toEqual([]);
    accepted(served.simulator.setStatus('revoke', device.id));
    await served.push();
    expect(await rows(`p/${device.id}/`)).toEqual([]);
  });

  test.each([404, 410])('that is answered %i removes its subscription, and no other', async (status) => {
    await okJson(put(bobs, endpointOf('gone')));
    await okJson(put(bobs, endpointOf('there')));
    stack.vault.setHooks({
      beforeSend: ({ path }) => (path.includes('/send/gone?') ? { status, body: '' } : undefined),
    });
    await write();
    await noticed('there', 1);
    await expect
      .poll(async () => (await rows(`p/${bobs.id}/`)).map(({ endpoint }) => endpoint?.S))
      .toEqual([endpointOf('there')]);
  });

  test.each([
    ['a redirect', { status: 302, body: '' }],
    ['a server error', { status: 500, body: '' }],
    ['too many requests', { status: 429, body: '' }],
    ['a refusal', { status: 403, body: '' }],
    ['a broken connection', 'drop-before' as const],
  ])('that fails with %s keeps its subscription, and the send succeeds', async (_, fault) => {
    await okJson(put(bobs, endpointOf('failing')));
    stack.vault.setHooks({ beforeSend: () => fault });
    const before = lines();
    expect(await write()).toMatchObject([{ outcome: 'stored' }]);
    await notified(before);
    expect(await rows(`p/${bobs.id}/`)).toHaveLength(1);
  });

  test('does not delay a send: the push service answers only after it', async () => {
    await okJson(put(bobs, endpointOf('slow')));
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    stack.vault.setHooks({ beforeSend: () => answered });
    expect(await write()).toMatchObject([{ outcome: 'stored' }]);
    answer();
    await noticed('slow', 1);
  });

  test('goes to no subscription that has expired, and the table can name no other place', async () => {
    await okJson(put(bobs, endpointOf('old')));
    const [row] = await rows(`p/${bobs.id}/`);
    await stack.putItem(table(), { ...row, expiresAt: { S: new Date(Date.now() - 1_000).toISOString() } });
    const forged = { ...row, id: { S: `p/${bobs.id}/${'0'.repeat(32)}` } };
    await stack.putItem(table(), { ...forged, endpoint: { S: 'https://169.254.169.254/send/forged?secret=forged' } });
    const before = lines();
    await write();
    await notified(before);
    expect([...notices('old'), ...notices('forged')]).toEqual([]);
  });
});

test('the published key is the one in KMS, as an uncompressed point', async () => {
  const { applicationServerKey } = await okJson<GetPushKeyResponse>(stack.http('GET', '/v1/session/push-key'));
  const { vault } = stack;
  const [, KeyId] = Object.entries(vault.resources).find(([id]) => id.startsWith('SessionCustodyPushKey')) ?? [];
  const { endpoints, credentials, operator } = vault;
  const kms = new KMSClient({ endpoint: endpoints.kms, region: operator.region, credentials });
  const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId }));
  // The point is the end of a SubjectPublicKeyInfo.
  expect(Buffer.from(applicationServerKey, 'base64url')).toEqual(Buffer.from(PublicKey ?? []).subarray(-65));
});
