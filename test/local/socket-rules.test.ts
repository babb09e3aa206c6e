/** Rules of the WebSocket API that need no connection: route selection, throttling, events, time limits. */
import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { Connection } from '../../local/aws/api-gateway/sockets/connection.ts';
import { ConnectionRegistry } from '../../local/aws/api-gateway/sockets/connection-registry.ts';
import { FrameMeter } from '../../local/aws/api-gateway/sockets/frame-meter.ts';
import { selectRoute } from '../../local/aws/api-gateway/sockets/route-selection.ts';
import { compileSocketAccessLog } from '../../local/aws/api-gateway/sockets/socket-access-log.ts';
import { SocketClock } from '../../local/aws/api-gateway/sockets/socket-clock.ts';
import { newConnectionId } from '../../local/aws/api-gateway/sockets/socket-event.ts';
import { createThrottle } from '../../local/aws/api-gateway/sockets/token-bucket.ts';

describe('a message selects', () => {
  const keys = new Set(['$connect', '$disconnect', '$default', 'ping', '-']);
  test.each([
    ['{"type":"ping"}', 'ping'],
    ['{"type":"other"}', '$default'],
    ['{"type":"$connect"}', '$default'],
    ['{"type":"$disconnect"}', '$default'],
    ['{"type":"$default"}', '$default'],
    ['{"type":7}', '$default'],
    ['{"type":["ping"]}', '$default'],
    ['{"kind":"ping"}', '$default'],
    ['[{"type":"ping"}]', '$default'],
    ['null', '$default'],
    ['not JSON', '$default'],
    ['', '$default'],
    ['{"__proto__":{"type":"ping"}}', '$default'],
  ])('%s: the route %s', (message, route) => {
    expect(selectRoute(keys, ['type'], message)).toBe(route);
  });

  test('by a nested property, if the expression names one', () => {
    expect(selectRoute(keys, ['a', 'b'], '{"a":{"b":"ping"}}')).toBe('ping');
    expect(selectRoute(keys, ['a', 'b'], '{"a":"ping"}')).toBe('$default');
  });

  test('no route, if the API has no $default', () => {
    const few = new Set(['$connect', '$disconnect', 'ping']);
    expect(selectRoute(few, ['type'], '{"type":"other"}')).toBeUndefined();
    expect(selectRoute(few, ['type'], '{"type":"$connect"}')).toBeUndefined();
  });
});

describe('throttling', () => {
  test('passes the burst at once, then the rate', () => {
    const allows = createThrottle({ ThrottlingRateLimit: 2, ThrottlingBurstLimit: 3 });
    expect([0, 0, 0, 0].map(allows)).toEqual([true, true, true, false]);
    expect([499, 500, 500, 1000].map(allows)).toEqual([false, true, false, true]);
    // A pause fills the bucket, but not over the burst.
    expect([60_000, 60_000, 60_000, 60_000].map(allows)).toEqual([true, true, true, false]);
  });

  test('without a burst passes at least one request at a rate below one', () => {
    const allows = createThrottle({ ThrottlingRateLimit: 0.5 });
    expect([0, 0, 1999, 2000].map(allows)).toEqual([true, false, false, true]);
  });

  test('is off without a rate, and refuses everything with the rate 0', () => {
    expect(createThrottle({})(0)).toBe(true);
    expect(createThrottle({ ThrottlingRateLimit: 0, ThrottlingBurstLimit: 0 })(0)).toBe(false);
  });
});

test('an access log with an unknown variable is refused', () => {
  expect(() => compileSocketAccessLog('$context.authorizer.principalId')).toThrow(
    /uses \$context\.authorizer\.principalId.*Nothing was started.*socket-access-log\.ts/,
  );
});

test('the ID of a connection must be percent-encoded in a path, as an ID of AWS', () => {
  const ids = Array.from({ length: 100 }, newConnectionId);
  for (const id of ids) expect(id).toMatch(/^[\w-]{15}=$/);
  expect(new Set(ids).size).toBe(100);
});

class FakeSocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  isPaused = false;
  readonly sent: string[] = [];
  closedWith: number | undefined;
  send(data: Buffer): void {
    this.sent.push(String(data));
  }
  resume(): void {}
  pause(): void {}
  close(code: number): void {
    this.readyState = 2;
    this.closedWith = code;
  }
}

describe('a connection', () => {
  const minute = 60_000;
  const setUp = () => {
    let time = 0;
    const clock = new SocketClock(() => time);
    const registry = new ConnectionRegistry();
    const socket = new FakeSocket();
    const identity = { connectionId: 'c', connectedAt: 0, sourceIp: '127.0.0.1', userAgent: undefined };
    const handlers = { message: async () => {}, ended: () => {} };
    const fake = socket as unknown as WebSocket;
    const connection = new Connection(identity, fake, new FrameMeter(1000), () => clock.now(), handlers);
    registry.add(connection);
    const checkAt = (ms: number) => {
      time = ms;
      registry.endOverdue(clock.now());
      return socket.closedWith;
    };
    return { socket, connection, registry, checkAt, setTime: (ms: number) => (time = ms) };
  };

  test('ends after 10 minutes without a message, not a millisecond before', () => {
    const { checkAt, registry } = setUp();
    expect(checkAt(10 * minute - 1)).toBeUndefined();
    expect(registry.find('c')).toBeDefined();
    expect(checkAt(10 * minute)).toBe(1001);
    expect(registry.find('c')).toBeUndefined();
  });

  test('is kept by messages in each direction, but not by pings of the protocol', () => {
    const { socket, connection, checkAt, setTime } = setUp();
    setTime(9 * minute);
    socket.emit('message', Buffer.from('x'), false);
    setTime(18 * minute);
    connection.send(Buffer.from('y'));
    setTime(27 * minute);
    socket.emit('ping', Buffer.alloc(0));
    expect(checkAt(28 * minute - 1)).toBeUndefined();
    expect(checkAt(28 * minute)).toBe(1001);
  });

  test('ends after 2 hours, however active it is, not a millisecond before', () => {
    const { connection, checkAt, setTime } = setUp();
    setTime(120 * minute - 1);
    connection.send(Buffer.from('y'));
    expect(checkAt(120 * minute - 1)).toBeUndefined();
    expect(checkAt(120 * minute)).toBe(1001);
  });
});
