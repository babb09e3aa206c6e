/** Messages of an established connection, its limits, and its end. */
import { describe, expect, test } from 'vitest';
import { startLocalVault } from '../../local/vault/local-vault.ts';
import { openSocket, type SocketClient } from './socket-client.ts';
import { useSocketStack } from './socket-fixture.ts';

const stack = useSocketStack({ functionConcurrency: 1 });
const kib = 1024;
const minute = 60_000;

/** Sends a message in frames of a size. */
function sendInFrames({ socket }: SocketClient, message: string, frame: number): void {
  for (let at = 0; at < message.length; at += frame) {
    socket.send(message.slice(at, at + frame), { binary: false, fin: at + frame >= message.length });
  }
}

/** A message `length` of so many bytes; the function answers with its length. */
const lengthMessage = (bytes: number): string => 'length '.padEnd(bytes, 'x');

const ends = () => stack().reports('disconnect') as { disconnectStatusCode: number; disconnectReason: string }[];

describe('a message', () => {
  test('of the mock route is answered without an invocation', async () => {
    const { vault } = stack();
    const { socket, next } = await stack().open();
    const before = vault.logs().length;
    socket.send('{"type":"ping"}');
    expect(await next()).toBe('{"type":"pong"}');
    expect(vault.logs().slice(before)).toContain('"routeKey":"ping","status":"200"');
    socket.close();
  });

  test('of the default route invokes the function with the event of AWS, and a one-way route sends no answer', async () => {
    const { socket, next, received, id } = await stack().open();
    socket.send('report {"type":"ping"}');
    await expect
      .poll(() => stack().reports('message').at(-1))
      .toMatchObject({
        requestContext: {
          routeKey: '$default',
          eventType: 'MESSAGE',
          messageId: expect.any(String),
          messageDirection: 'IN',
          connectionId: id,
          stage: 'v1',
        },
        body: 'report {"type":"ping"}',
        isBase64Encoded: false,
      });
    expect(stack().reports('message').at(-1)).not.toHaveProperty('headers');
    socket.send('echo done');
    expect(await next()).toBe('echo done');
    expect(received).toHaveLength(1);
    socket.close();
  });

  test('whose function fails is answered by an error, and the connection stays', async () => {
    const { socket, next, id } = await stack().open();
    socket.send('throw');
    expect(JSON.parse(await next())).toEqual({
      message: 'Internal server error',
      connectionId: id,
      requestId: expect.any(String),
    });
    socket.send('echo still');
    expect(await next()).toBe('echo still');
    socket.close();
  });

  test('in several frames arrives whole', async () => {
    const client = await stack().open();
    sendInFrames(client, lengthMessage(100), 7);
    expect(await client.next()).toBe('100');
    client.socket.close();
  });
});

describe('the order', () => {
  test('of 1,000 messages of a client is that of the invocations', async () => {
    const { socket } = await stack().open();
    for (let n = 0; n < 1000; n++) socket.send(`count ${n}`);
    socket.send('counted');
    await expect.poll(() => stack().reports('counted').length, { timeout: 60_000 }).toBe(1);
    expect(stack().reports('counted')[0]).toEqual(Array.from({ length: 1000 }, (_, n) => String(n)));
    socket.close();
  });

  test('of 1,000 messages to a client is that of the calls', async () => {
    const { socket, received } = await stack().open();
    for (let part = 0; part < 4; part++) socket.send('burst 250');
    await expect.poll(() => received.length, { timeout: 60_000 }).toBe(1000);
    const expected = Array.from({ length: 1000 }, (_, n) => String(n % 250));
    expect(received).toEqual(expected);
    socket.close();
  });
});

describe('the size', () => {
  test('of a frame may be 32 KiB, and one byte more closes the connection with 1009', async () => {
    const client = await stack().open();
    client.socket.send(lengthMessage(32 * kib));
    expect(await client.next()).toBe(String(32 * kib));
    client.socket.send('length 3');
    client.socket.send(lengthMessage(32 * kib + 1));
    expect(await client.closed).toBe(1009);
    await expect.poll(() => ends().at(-1)?.disconnectStatusCode).toBe(1009);
  });

  test('of a message may be 128 KiB in frames of 32 KiB, and one byte more closes the connection with 1009', async () => {
    const client = await stack().open();
    sendInFrames(client, lengthMessage(128 * kib), 32 * kib);
    expect(await client.next()).toBe(String(128 * kib));
    sendInFrames(client, lengthMessage(128 * kib + 1), 32 * kib);
    expect(await client.closed).toBe(1009);
    expect(client.received).toHaveLength(1);
    await expect.poll(() => ends().at(-1)?.disconnectStatusCode).toBe(1009);
  });

  test('does not matter for a binary message: it closes the connection with 1003', async () => {
    const client = await stack().open();
    client.socket.send(Buffer.from('report binary'));
    expect(await client.closed).toBe(1003);
    await expect.poll(() => ends().at(-1)?.disconnectStatusCode).toBe(1003);
    expect(JSON.stringify(stack().reports('message'))).not.toContain('report binary');
  });

  test('and text that is not UTF-8 closes the connection with 1007', async () => {
    const client = await stack().open();
    client.socket.send(Buffer.from([0xff, 0xfe]), { binary: false });
    expect(await client.closed).toBe(1007);
  });
});

describe('the end', () => {
  test.each([
    [4000, 'bye', 4000, 'bye'],
    [1000, undefined, 1000, 'Connection Closed Normally'],
    [undefined, undefined, 1005, 'Client-side close frame status not set'],
  ])('by the client, code %s: the function is told code and reason', async (code, reason, told, text) => {
    const { socket, closed, id } = await stack().open();
    socket.close(code, reason);
    await closed;
    await expect
      .poll(() => ends().at(-1))
      .toMatchObject({
        routeKey: '$disconnect',
        eventType: 'DISCONNECT',
        connectionId: id,
        disconnectStatusCode: told,
        disconnectReason: text,
      });
  });

  test('by a lost connection is 1006', async () => {
    const { socket, id } = await stack().open();
    socket.terminate();
    await expect.poll(() => ends().at(-1)).toMatchObject({ connectionId: id, disconnectStatusCode: 1006 });
  });

  test('by the function is 1000 for the client', async () => {
    const { socket, closed, id } = await stack().open();
    socket.send('leave');
    expect(await closed).toBe(1000);
    await expect.poll(() => ends().at(-1)).toMatchObject({ connectionId: id, disconnectStatusCode: 1000 });
  });

  test('comes after 10 minutes without a message, in either direction', async () => {
    const { sockets } = stack();
    const [idle, sending, receiving] = [await stack().open(), await stack().open(), await stack().open()];
    sockets.advanceClock(9 * minute);
    sending.socket.send('{"type":"ping"}');
    await sending.next();
    sending.socket.send(`post ${receiving.id}`);
    expect(await receiving.next()).toBe('hello');
    idle.socket.ping();
    sockets.advanceClock(minute);
    expect(await idle.closed).toBe(1001);
    await expect
      .poll(() => ends().at(-1))
      .toMatchObject({
        connectionId: idle.id,
        disconnectStatusCode: 1001,
        disconnectReason: 'Going away',
      });
    expect(sockets.connectionIds()).toEqual([sending.id, receiving.id]);
    sockets.advanceClock(10 * minute);
    expect([await sending.closed, await receiving.closed]).toEqual([1001, 1001]);
  });

  test('comes after 2 hours for an active connection', async () => {
    const { sockets } = stack();
    const { socket, next, closed } = await stack().open();
    for (let passed = 0; passed < 119; passed += 7) {
      sockets.advanceClock(7 * minute);
      socket.send('{"type":"ping"}');
      await next();
    }
    expect(sockets.connectionIds()).toHaveLength(1);
    sockets.advanceClock(minute);
    expect(await closed).toBe(1001);
  });
});

test('a route with a response sends what the function returns', async () => {
  const assembly = stack().space.assembly(undefined, { answers: true });
  const vault = await startLocalVault({ port: 0, memory: true, assembly });
  try {
    const { socket, next } = await openSocket(vault.sockets?.url ?? '');
    socket.send('report this');
    expect(await next()).toBe('sent if the route has a response');
    socket.close();
  } finally {
    await vault.close();
  }
});

test('without a route for a message the client is told so, and throttled messages fail too', async () => {
  const { space } = stack();
  const assembly = space.assembly((resources) => {
    for (const [id, { Type, Properties }] of Object.entries(resources)) {
      if (Properties.RouteKey === '$default') delete resources[id];
      if (Type === 'AWS::ApiGatewayV2::Stage' && Properties.StageName === 'v1') {
        Properties.RouteSettings = { ping: { ThrottlingRateLimit: 0.1, ThrottlingBurstLimit: 2 } };
      }
    }
  });
  const vault = await startLocalVault({ port: 0, memory: true, assembly });
  try {
    const { socket, next } = await openSocket(vault.sockets?.url ?? '');
    const messageOf = async (text: string) => {
      socket.send(text);
      const { type, message } = JSON.parse(await next());
      return message ?? type;
    };
    expect(await messageOf('hello')).toBe('Forbidden');
    expect(await messageOf('{"type":"$connect"}')).toBe('Forbidden');
    const ping = '{"type":"ping"}';
    expect([await messageOf(ping), await messageOf(ping), await messageOf(ping)]).toEqual([
      'pong',
      'pong',
      'Too Many Requests',
    ]);
    vault.sockets?.advanceClock(10_000);
    expect(await messageOf(ping)).toBe('pong');
    socket.close();
  } finally {
    await vault.close();
  }
});
