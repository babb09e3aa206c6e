/** Sockets over HTTP and WebSocket: tickets, the life of a connection, frames, and devices that lose their sockets. */
import { createHash } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sessionLimits } from '../../contract/sessions/limits.ts';
import type { OutgoingMessage } from '../../contract/sessions/wire.ts';
import { toBase64 } from '../../core/encoding/bytes.ts';
import { ServiceError } from '../../local/aws/shared/errors.ts';
import { accepted, ann, bob, type TestDevice } from '../core/directory/directory-simulator.ts';
import { expectProblem, type Item, useLocalStack } from '../shared/local-stack.ts';
import { type DeviceSocket, newTicket, openWith, readySocket, socketsOf } from './device-socket.ts';
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
afterEach(() => stack.vault.setHooks());

const table = () => stack.table('SessionCustodyMailboxesTable');
const rows = async (prefix: string, of = served): Promise<Item[]> =>
  (await stack.allItems(table())).filter(({ org, id }) => org?.S === of.org && id?.S?.startsWith(prefix));
const owners = async (): Promise<Item[]> =>
  (await stack.allItems(table())).filter(({ org }) => org?.S?.startsWith('#connection/'));
const message = (bytes: number, from: Sender = phone, to = bobs.id): OutgoingMessage => ({
  ...served.messageFor(from, to, conversation, ''),
  message: toBase64(new Uint8Array(bytes).fill(7)),
});
const gone = async (prefix: string) => expect.poll(async () => await rows(prefix)).toEqual([]);
const refused = (opening: Promise<unknown>) => expect(opening).rejects.toThrow('Unexpected server response: 401');
async function end(...sockets: readonly DeviceSocket[]): Promise<void> {
  for (const socket of sockets) socket.socket.close();
  await Promise.all(sockets.map(({ closed }) => closed));
}

describe('a ticket', () => {
  test('opens one connection, with the subprotocol that the service answers', async () => {
    const { ticket, url, expiresAt } = await newTicket(served, phone);
    expect(ticket).toMatch(/^[0-9a-z]{16}[A-Za-z0-9_-]{43}$/);
    expect(ticket.startsWith(served.org)).toBe(true);
    expect(url).toBe(socketsOf(stack).url);
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(20_000);
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(30_000);
    const socket = await openWith(stack, ticket);
    expect(socket.socket.protocol).toBe('anima.v1');
    await refused(openWith(stack, ticket));
    await end(socket);
    await refused(openWith(stack, ticket));
  });

  test('opens a connection of the WebSocket of browsers too, which sends a space between the subprotocols', async () => {
    const { ticket, url } = await newTicket(served, phone);
    const socket = new WebSocket(url, ['anima.v1', `t.${ticket}`]);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    expect(socket.protocol).toBe('anima.v1');
    const closed = new Promise((resolve) => {
      socket.onclose = resolve;
    });
    socket.close();
    await closed;
  });

  test('is not stored, but only its hash, and is in no log', async () => {
    const { ticket } = await newTicket(served, phone);
    const secret = ticket.slice(16);
    await end(await openWith(stack, ticket));
    const { ticket: unused } = await newTicket(served, phone);
    const stored = await rows('t/');
    expect(stored).toHaveLength(1);
    for (const one of [secret, unused.slice(16)]) {
      expect(JSON.stringify(await stack.allItems(table()))).not.toContain(one);
      expect(stack.vault.logs()).not.toContain(one);
    }
  });

  test('that is older than 30 seconds opens nothing', async () => {
    const { ticket } = await newTicket(served, phone);
    const hash = createHash('sha256').update(ticket).digest('hex');
    const row = await stack.getItem(table(), { org: served.org, id: `t/${hash}` });
    expect(Number(row.expires?.N)).toBeLessThanOrEqual(seconds() + sessionLimits.ticketSeconds);
    // Its time passed, and DynamoDB has not removed it yet.
    await stack.putItem(table(), { ...row, expires: { N: String(seconds()) } });
    await refused(openWith(stack, ticket));
    await stack.putItem(table(), row);
    await end(await openWith(stack, ticket));
  });

  test('of another org, another secret, another form, or without the first subprotocol opens nothing', async () => {
    const other = await ServedDirectory.begin(stack);
    const { ticket } = await newTicket(served, phone);
    const secret = ticket.slice(16);
    await refused(openWith(stack, `${other.org}${secret}`));
    await refused(openWith(stack, `${served.org}${'A'.repeat(43)}`));
    await refused(openWith(stack, secret));
    await refused(openWith(stack, '', ['anima.v1']));
    await refused(openWith(stack, '', [`t.${ticket}`]));
    await refused(openWith(stack, '', [`t.${ticket}`, 'anima.v1']));
    await refused(openWith(stack, '', ['anima.v1', `t.${ticket}`, 'x']));
    await refused(openWith(stack, '', []));
    // None of these used it up.
    await end(await openWith(stack, ticket));
  });

  test('of an org that was locked meanwhile opens nothing, and leaves no row', async () => {
    const other = await ServedDirectory.begin(stack);
    const { ticket } = await newTicket(other, other.first);
    const body = { confirm: other.org, waitDays: 3 };
    const locked = await stack.http('POST', '/v1/org/shred', { key: other.adminKey, body });
    expect(locked.status).toBe(200);
    await refused(openWith(stack, ticket));
    expect(await rows('c/', other)).toEqual([]);
  });

  test('of a device that was revoked meanwhile opens nothing, and leaves no row', async () => {
    const device = served.simulator.add(phone, ann, 'owner');
    await served.push();
    const { ticket } = await newTicket(served, device);
    accepted(served.simulator.setStatus('suspend', device.id));
    await served.push();
    await refused(openWith(stack, ticket));
    expect(await rows(`c/${device.id}/`)).toEqual([]);
    await expectProblem(await served.send(device, 'POST', '/tickets'), 'device_refused');
  });
});

const seconds = () => Math.floor(Date.now() / 1000);

describe('a connection', () => {
  test('is pending until its hello, gets no frame until then, and can say hello again', async () => {
    const { ticket } = await newTicket(served, bobs);
    const socket = await openWith(stack, ticket);
    expect(await rows(`c/${bobs.id}/`)).toMatchObject([{ ready: { BOOL: false } }]);
    // Both rows end 130 minutes after the connection began, if nobody deletes them.
    for (const { ttl } of [...(await rows(`c/${bobs.id}/`)), ...(await owners())]) {
      expect(Number(ttl?.N) - seconds()).toBeLessThanOrEqual(130 * 60 + 1);
      expect(Number(ttl?.N) - seconds()).toBeGreaterThan(129 * 60);
    }
    expect(await owners()).toHaveLength(1);
    await served.sendAll(phone, [message(10)]);
    socket.send({ type: 'hello' });
    expect(await socket.frame()).toEqual({ type: 'ready' });
    expect(await rows(`c/${bobs.id}/`)).toMatchObject([
      { id: { S: `c/${bobs.id}/${socket.id}` }, ready: { BOOL: true } },
    ]);
    socket.send({ type: 'hello' });
    expect(await socket.frame()).toEqual({ type: 'ready' });
    expect(socket.received).toHaveLength(2);
    await end(socket);
    await gone(`c/${bobs.id}/`);
    expect(await owners()).toEqual([]);
  });

  test('whose row does not exist any more is refused', async () => {
    const { ticket } = await newTicket(served, bobs);
    const socket = await openWith(stack, ticket);
    for (const { org, id } of await rows(`c/${bobs.id}/`))
      await stack.deleteItem(table(), { org: org?.S ?? '', id: id?.S ?? '' });
    socket.send({ type: 'hello' });
    expect(await socket.frame()).toEqual({ type: 'refused' });
    await end(socket);
  });

  test('is answered pings by the gateway, without the function', async () => {
    const socket = await readySocket(served, phone);
    const { length } = stack.vault.logs();
    socket.send({ type: 'ping' });
    expect(await socket.frame()).toEqual({ type: 'pong' });
    expect(stack.vault.logs().slice(length)).not.toContain('"route":"message"');
    await end(socket);
  });

  test.each([
    '',
    'hello',
    '{',
    '[]',
    'null',
    '{"type":"HELLO"}',
    '{"type":["hello"]}',
    '{"type":"message"}',
    '"hello"',
  ])('that sends %j gets no answer, and works on', async (text) => {
    const socket = await readySocket(served, phone);
    socket.send(text);
    socket.send({ type: 'hello' });
    expect(await socket.frame()).toEqual({ type: 'ready' });
    expect(socket.received).toHaveLength(2);
    await end(socket);
  });

  test('that sends a binary frame or a frame over 32 KiB is ended, and its row is deleted', async () => {
    const binary = await readySocket(served, phone);
    binary.socket.send(new Uint8Array(8));
    expect(await binary.closed).toBe(1003);
    const large = await readySocket(served, phone);
    large.send(`{"type":"hello","x":"${'a'.repeat(32_768)}"}`);
    expect(await large.closed).toBe(1009);
    await gone(`c/${phone.id}/`);
  });

  test('ends after 10 minutes without a frame, and a ping keeps it open, until 2 hours', async () => {
    const [idle, pinging] = [await readySocket(served, phone), await readySocket(served, bobs)];
    const minute = 60_000;
    for (let passed = 0; passed < 116; passed += 4) {
      socketsOf(stack).advanceClock(4 * minute);
      pinging.send({ type: 'ping' });
      expect(await pinging.frame()).toEqual({ type: 'pong' });
    }
    expect(await idle.closed).toBe(1001);
    expect(pinging.socket.readyState).toBe(pinging.socket.OPEN);
    socketsOf(stack).advanceClock(4 * minute);
    expect(await pinging.closed).toBe(1001);
    await gone('c/');
  });

  test('is the fifth of a device: the oldest ends', async () => {
    const sockets: DeviceSocket[] = [];
    for (let n = 0; n < 4; n++) sockets.push(await readySocket(served, phone));
    const fifth = await readySocket(served, phone);
    expect(await sockets[0]?.closed).toBe(1000);
    expect(await rows(`c/${phone.id}/`)).toHaveLength(4);
    await end(...sockets.slice(1), fifth);
    await gone('c/');
  });
});

describe('a stored message', () => {
  test('comes as a frame with the fields of the mailbox, where it stays', async () => {
    const socket = await readySocket(served, bobs);
    const sent = message(100);
    await served.sendAll(phone, [sent]);
    const { messages } = await served.mailbox(bobs);
    const stored = messages.find(({ name }) => name === `${phone.id}/${sent.counter}`);
    expect(await socket.frame()).toEqual({ type: 'message', ...stored });
    expect(stored).toMatchObject({ message: sent.message, conversation });
    await end(socket);
  });

  test('of 16,384 bytes comes as one frame, and one byte more as a wake', async () => {
    const socket = await readySocket(served, bobs);
    const sent = message(sessionLimits.frameMessageBytes);
    await served.sendAll(phone, [sent]);
    expect(await socket.frame()).toMatchObject({ type: 'message', message: sent.message });
    await served.sendAll(phone, [message(sessionLimits.frameMessageBytes + 1)]);
    expect(await socket.frame()).toEqual({ type: 'wake' });
    await served.sendAll(phone, [message(20_000), message(20_000), message(5)]);
    expect(await socket.frame()).toMatchObject({ type: 'message' });
    expect(await socket.frame()).toEqual({ type: 'wake' });
    expect(socket.received).toHaveLength(5);
    await end(socket);
  });

  test('comes to each socket of the recipient and to no other device, in the order of the counters', async () => {
    const mine = await readySocket(served, phone);
    const [one, two] = [await readySocket(served, bobs), await readySocket(served, bobs)];
    const sent = [message(1), message(2), message(3)];
    await served.sendAll(phone, sent.toReversed());
    for (const socket of [one, two]) {
      for (const { counter } of sent) expect(await socket.frame()).toMatchObject({ name: `${phone.id}/${counter}` });
    }
    mine.send({ type: 'hello' });
    expect(await mine.frame()).toEqual({ type: 'ready' });
    expect(mine.received).toHaveLength(2);
    await end(mine, one, two);
  });

  test('of a member of a fleet comes with its certificate, and reaches a member', async () => {
    const fleet = served.simulator.delegate(phone, ann);
    await served.push();
    const member = served.member(fleet);
    const opened = await served.open(ann, [phone], [ann, bob], [member.id]);
    const socket = await readySocket(served, member);
    await served.putBundle(member, served.bundleOf(member));
    await served.sendAll(phone, [{ ...message(5, phone, member.id), conversation: opened }]);
    expect(await socket.frame()).toMatchObject({ type: 'message', conversation: opened });
    const bobsSocket = await readySocket(served, bobs);
    await served.sendAll(member, [{ ...message(5, member), conversation: opened }]);
    expect(await bobsSocket.frame()).toMatchObject({ certificate: toBase64(member.certificate ?? expect.fail()) });
    await end(socket, bobsSocket);
  });

  test('that is sent again gives another frame', async () => {
    const socket = await readySocket(served, bobs);
    const sent = message(5);
    for (let n = 0; n < 2; n++) await served.sendAll(phone, [sent]);
    const name = `${phone.id}/${sent.counter}`;
    expect([await socket.frame(), await socket.frame()]).toMatchObject([{ name }, { name }]);
    await end(socket);
  });

  test('is stored if the notifier cannot be told, the gateway fails, or the notifier fails', async () => {
    const socket = await readySocket(served, bobs);
    const unavailable = () => {
      throw new ServiceError('ServiceException', 'down', 500);
    };
    for (const [service, action] of [
      ['lambda', 'Invoke'],
      ['execute-api', 'PostToConnection'],
    ]) {
      stack.vault.setHooks({
        before: (call) => (call.service === service && call.action === action ? unavailable() : undefined),
      });
      expect(await served.sendAll(phone, [message(5)])).toMatchObject([{ outcome: 'stored' }]);
    }
    await end(socket);
  });
});

describe('a 410', () => {
  test('deletes the row of a ready connection, and never that of a pending one', async () => {
    const { ticket } = await newTicket(served, bobs);
    const pending = await openWith(stack, ticket);
    const pendingRow = await rows(`c/${bobs.id}/`);
    const [pattern] = pendingRow;
    const dead = { ...pattern, id: { S: `c/${bobs.id}/dead=` }, ready: { BOOL: true } };
    await stack.putItem(table(), dead);
    // A pending row of a connection that the gateway does not know (yet).
    const unknown = { ...pattern, id: { S: `c/${bobs.id}/unknown=` }, ready: { BOOL: false } };
    await stack.putItem(table(), unknown);
    await served.sendAll(phone, [message(5)]);
    await expect
      .poll(async () => (await rows(`c/${bobs.id}/`)).map(({ id }) => id?.S).toSorted())
      .toEqual([`c/${bobs.id}/${pending.id}`, `c/${bobs.id}/unknown=`].toSorted());
    await end(pending);
    await stack.deleteItem(table(), { org: served.org, id: unknown.id.S });
  });
});

describe('A3: a device that loses its right', () => {
  test.each(['suspend', 'revoke'] as const)(
    '%s: its sockets end, and it gets no message that comes after the entry',
    async (op) => {
      const device = served.simulator.add(phone, ann, 'owner');
      await served.push();
      const opened = await served.open(ann, [phone], [ann, bob]);
      await okJson(served.send(device, 'PUT', '/push', { endpoint: 'https://push.provider.net/lost' }));
      const [one, two] = [await readySocket(served, device), await readySocket(served, device)];
      await served.sendAll(bobs, [{ ...message(3, bobs, device.id), conversation: opened }]);
      for (const socket of [one, two]) expect(await socket.frame()).toMatchObject({ type: 'message' });
      accepted(served.simulator.setStatus(op, device.id));
      await served.push();
      // When the entry is answered, the rows are gone.
      expect(await rows(`c/${device.id}/`)).toEqual([]);
      expect(await served.sendAll(bobs, [{ ...message(3, bobs, device.id), conversation: opened }])).toMatchObject([
        { outcome: 'not_allowed' },
      ]);
      expect(await Promise.all([one.closed, two.closed])).toEqual([1000, 1000]);
      expect(one.received).toHaveLength(2);
      // A suspended device can come back, a revoked one cannot.
      expect(await rows(`p/${device.id}/`)).toHaveLength(op === 'revoke' ? 0 : 1);
    },
  );

  test('keeps an open connection that cannot be ended, but gets nothing over it', async () => {
    const device = served.simulator.add(phone, ann, 'owner');
    await served.push();
    const socket = await readySocket(served, device);
    stack.vault.setHooks({
      before: ({ service, action }) => {
        if (service === 'execute-api' && action === 'DeleteConnection')
          throw new ServiceError('ServiceException', 'down', 500);
      },
    });
    accepted(served.simulator.setStatus('suspend', device.id));
    await served.push();
    socket.send({ type: 'hello' });
    expect(await socket.frame()).toEqual({ type: 'refused' });
    expect(socket.received).toHaveLength(2);
    await end(socket);
  });
});
