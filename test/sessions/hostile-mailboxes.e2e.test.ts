/**
 * Somebody who can write the table of mailboxes: forged tickets, connections, subscriptions and frames
 * (docs/session-service.md, section 10). They reach nothing but ciphertext and a client that polls.
 */
import { createHash, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { accepted, ann, bob, type TestDevice } from '../core/directory/directory-simulator.ts';
import { expectProblem, type Item, useLocalStack } from '../shared/local-stack.ts';
import { openWith, readySocket } from './device-socket.ts';
import { ServedDirectory } from './served-directory.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
let served: ServedDirectory;
let other: ServedDirectory;
let phone: TestDevice;
let bobs: TestDevice;
let revoked: TestDevice;
let conversation: string;

beforeAll(async () => {
  served = await ServedDirectory.begin(stack);
  other = await ServedDirectory.begin(stack);
  phone = served.first;
  bobs = served.simulator.admit(bob, 'owner');
  revoked = served.simulator.add(phone, ann, 'owner');
  accepted(served.simulator.setStatus('revoke', revoked.id));
  await served.push();
  conversation = await served.open(ann, [phone], [ann, bob]);
});

const table = () => stack.table('SessionCustodyMailboxesTable');
const put = (item: Item) => stack.putItem(table(), item);
const rows = async (prefix: string): Promise<Item[]> =>
  (await stack.allItems(table())).filter(({ org, id }) => org?.S === served.org && id?.S?.startsWith(prefix));
const write = () => served.sendAll(phone, [served.messageFor(phone, bobs.id, conversation, 'hello')]);
const later = () => String(Math.floor(Date.now() / 1000) + 3_600);

/** Puts a ticket without the service, and returns it. */
async function forgedTicket(device: string, org = served.org): Promise<string> {
  const ticket = `${org}${randomBytes(32).toString('base64url')}`;
  const hash = createHash('sha256').update(ticket).digest('hex');
  const times = { expires: { N: later() }, ttl: { N: later() } };
  await put({ org: { S: org }, id: { S: `t/${hash}` }, device: { S: device }, ...times });
  return ticket;
}

describe('C1: a forged ticket', () => {
  test('of a device opens a socket that gets its ciphertext, and lets it make no request', async () => {
    const socket = await openWith(stack, await forgedTicket(bobs.id));
    socket.send({ type: 'hello' });
    expect(await socket.frame()).toEqual({ type: 'ready' });
    await write();
    expect(await socket.frame()).toMatchObject({ type: 'message' });
    expect((await served.mailbox(bobs)).messages).not.toEqual([]);
    socket.socket.close();
    await socket.closed;
  });

  test('of a device that is revoked, unknown, or of another org opens nothing', async () => {
    for (const device of [revoked.id, '0'.repeat(32), 'x', other.first.id]) {
      await expect(openWith(stack, await forgedTicket(device))).rejects.toThrow('response: 401');
      expect(await rows(`c/${device}/`)).toEqual([]);
    }
  });

  test('with other fields opens nothing, and breaks nothing', async () => {
    const ticket = await forgedTicket(bobs.id);
    const hash = createHash('sha256').update(ticket).digest('hex');
    const key = { org: { S: served.org }, id: { S: `t/${hash}` } };
    await put({ ...key, device: { N: '1' }, expires: { N: later() } });
    await expect(openWith(stack, ticket)).rejects.toThrow('response: 401');
    await put({ ...key, device: { S: bobs.id }, expires: { S: 'never' } });
    await expect(openWith(stack, ticket)).rejects.toThrow('response: 401');
    const socket = await readySocket(served, bobs);
    socket.socket.close();
    await socket.closed;
  });
});

describe('C1: a forged connection', () => {
  test('takes frames away, but the mailbox has the messages', async () => {
    const mine = await readySocket(served, phone);
    const [row] = await rows(`c/${phone.id}/`);
    await put({ ...row, id: { S: `c/${bobs.id}/${mine.id}` } });
    await write();
    expect(await mine.frame()).toMatchObject({ type: 'message' });
    expect((await served.mailbox(bobs)).messages.length).toBeGreaterThan(0);
    // The other device cannot acknowledge it: the name is in its own mailbox only.
    await served.acknowledge(phone, [`${phone.id}/1`]);
    expect((await served.mailbox(bobs)).messages.length).toBeGreaterThan(0);
    await stack.deleteItem(table(), { org: served.org, id: `c/${bobs.id}/${mine.id}` });
    mine.socket.close();
    await mine.closed;
  });

  test('whose way leads to another org makes nothing of that org ready', async () => {
    const socket = await openWith(stack, await forgedTicket(bobs.id));
    const way = { org: { S: `#connection/${socket.id}` }, id: { S: 'owner' } };
    await put({ ...way, of: { S: other.org }, device: { S: other.first.id } });
    socket.send({ type: 'hello' });
    expect(await socket.frame()).toEqual({ type: 'refused' });
    await put({ ...way, of: { N: '1' }, device: { S: bobs.id } });
    socket.send({ type: 'hello' });
    expect(await socket.frame()).toEqual({ type: 'refused' });
    socket.socket.close();
    await socket.closed;
  });

  test('with other fields keeps no frame from the others', async () => {
    await put({ org: { S: served.org }, id: { S: `c/${bobs.id}/x` }, since: { S: 'x' }, ready: { S: 'true' } });
    const socket = await readySocket(served, bobs);
    expect(await write()).toMatchObject([{ outcome: 'stored' }]);
    expect(await socket.frame()).toMatchObject({ type: 'message' });
    socket.socket.close();
    await socket.closed;
    await stack.deleteItem(table(), { org: served.org, id: `c/${bobs.id}/x` });
  });
});

test('a forged subscription leads to no private place, and does not fail a send', async () => {
  const endpoints = [
    'https://169.254.169.254/x',
    'https://10.0.0.1/x',
    'http://push.provider.net/x',
    'file:///etc/passwd',
  ];
  const expiresAt = { S: new Date(Date.now() + 3_600_000).toISOString() };
  for (const [at, endpoint] of endpoints.entries())
    await put({ org: { S: served.org }, id: { S: `p/${bobs.id}/${at}` }, endpoint: { S: endpoint }, expiresAt });
  await put({ org: { S: served.org }, id: { S: `p/${phone.id}/x` }, endpoint: { N: '1' } });
  const before = stack.vault.providerRequests().length;
  expect(await write()).toMatchObject([{ outcome: 'stored' }]);
  await expect.poll(async () => await rows(`q/${bobs.id}`)).toHaveLength(1);
  expect(stack.vault.providerRequests()).toHaveLength(before);
  await expectProblem(await served.send(revoked, 'GET', '/messages'), 'device_refused');
});
