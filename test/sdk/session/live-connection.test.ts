/** How a device keeps its socket: pings, renewal, sleep, failures and the end (docs/session-service.md, section 8). */
import { expect, test } from 'vitest';
import { liveWorld, loopsWithSockets as loops, minute, reading, second, textsOf } from './live-world.ts';
import { org } from './session-world.ts';

test('without a socket it polls each 15 seconds, so a message arrives within 16', async () => {
  const { clock, sockets, phone, bobPhone, conversation } = await liveWorld({ webSocket: false });
  const bobReads = reading(bobPhone);
  await clock.advance(7 * second, 1);
  await phone.client.send(conversation, 'polled');
  await clock.advance(16 * second, 1);
  expect(textsOf(bobReads)).toEqual(['polled']);
  expect(sockets.all).toEqual([]);
  await bobReads.end();
  expect(clock.waiting).toBe(0);
});

test('with a socket that cannot be opened it polls each 15 seconds too, and tries again more and more rarely', async () => {
  const { world, clock, sockets, phone, bobPhone, conversation } = await liveWorld();
  sockets.isDown = true;
  const bobReads = reading(bobPhone);
  await clock.advance(7 * second, loops);
  await phone.client.send(conversation, 'polled');
  await clock.advance(16 * second, loops);
  expect(textsOf(bobReads)).toEqual(['polled']);
  await clock.advance(60 * minute, loops);
  const attempts = sockets.all.map(({ openedAt }) => openedAt);
  const pauses = attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0));
  for (const [at, pause] of pauses.entries()) {
    const longest = Math.min(5 * minute, second * 2 ** at);
    expect(pause).toBeGreaterThanOrEqual(longest / 2);
    expect(pause).toBeLessThanOrEqual(longest + 2);
  }
  expect(pauses.length).toBeGreaterThan(18);
  expect(pauses.length).toBeLessThan(40);
  expect(new Set(pauses.slice(10)).size).toBeGreaterThan(3);
  // Tickets that are refused are no different.
  world.relay.fault = (operation) => (operation === 'ticket' ? 'lost_request' : undefined);
  sockets.isDown = false;
  await clock.advance(10 * minute, loops);
  expect(sockets.of(bobPhone.id)).toEqual([]);
  world.relay.fault = () => undefined;
  await clock.advance(6 * minute, loops);
  expect(sockets.of(bobPhone.id)).toHaveLength(1);
  await bobReads.end();
});

test('with a socket it pings each 4 minutes, and polls each 15 minutes', async () => {
  const { clock, sockets, bobPhone, reads } = await liveWorld();
  const bobReads = reading(bobPhone);
  await clock.settle(loops);
  reads.length = 0;
  const start = clock.time;
  await clock.advance(46 * minute, loops);
  expect(reads.map((at) => at - start)).toEqual([15 * minute, 30 * minute, 45 * minute]);
  const [socket] = sockets.all;
  expect(sockets.all).toHaveLength(1);
  expect(socket?.sent.filter((text) => text === '{"type":"ping"}')).toHaveLength(11);
  await bobReads.end();
});

test('a socket that answers no ping is replaced within six minutes, and nothing is lost', async () => {
  const { clock, sockets, phone, bobPhone, conversation } = await liveWorld();
  const bobReads = reading(bobPhone);
  await clock.settle(loops);
  const [socket] = sockets.all;
  if (socket !== undefined) socket.isDead = true;
  await phone.client.send(conversation, 'into the void');
  await clock.advance(6 * minute, loops);
  expect(socket?.isClosed).toBe(true);
  expect(sockets.of(bobPhone.id)).toHaveLength(1);
  expect(textsOf(bobReads)).toEqual(['into the void']);
  await bobReads.end();
});

test('a new socket is ready at 110 minutes before the old one is closed', async () => {
  const { clock, sockets, phone, bobPhone, conversation } = await liveWorld();
  const bobReads = reading(bobPhone);
  await clock.advance(109 * minute, loops);
  expect(sockets.all).toHaveLength(1);
  // While both are open, each gets the frame.
  sockets.isDown = true;
  await clock.advance(2 * minute, loops);
  const [old] = sockets.all;
  expect(old?.isClosed).toBe(false);
  await phone.client.send(conversation, 'through the old one');
  sockets.isDown = false;
  await clock.advance(5 * minute, loops);
  expect(old?.isClosed).toBe(true);
  expect(sockets.of(bobPhone.id)).toHaveLength(1);
  await phone.client.send(conversation, 'through the new one');
  await clock.settle(loops);
  expect(textsOf(bobReads)).toEqual(['through the old one', 'through the new one']);
  await bobReads.end();
});

test('a timer that is late by 119 seconds changes nothing; 121 seconds: it polls at once and reconnects within 5', async () => {
  const { clock, sockets, bobPhone, reads } = await liveWorld();
  const bobReads = reading(bobPhone);
  await clock.settle(loops);
  reads.length = 0;
  // Both loops look at the clock each 15 seconds, and began to wait now.
  await clock.sleep(15 * second + 119 * second, loops);
  await clock.advance(10 * second, loops);
  expect(reads).toEqual([]);
  expect(sockets.all).toHaveLength(1);
  await clock.advance(5 * second, loops);
  await clock.sleep(15 * second + 121 * second, loops);
  expect(reads).toHaveLength(1);
  expect(sockets.all).toHaveLength(1);
  await clock.advance(5 * second, loops);
  expect(sockets.all).toHaveLength(2);
  expect(sockets.of(bobPhone.id)).toHaveLength(1);
  await bobReads.end();
});

test('when the page becomes visible or the network returns, it polls at once and reconnects within 5 seconds', async () => {
  const { clock, sockets, bobPhone, reads } = await liveWorld();
  const bobReads = reading(bobPhone);
  await clock.advance(minute, loops);
  reads.length = 0;
  clock.wake();
  await clock.settle(loops);
  expect(reads).toHaveLength(1);
  await clock.advance(5 * second, loops);
  expect(sockets.all).toHaveLength(2);
  expect(sockets.of(bobPhone.id)).toHaveLength(1);
  await bobReads.end();
});

test('a signal, the end of the loop and close() each end everything', async () => {
  const { clock, sockets, phone, bobPhone, conversation } = await liveWorld();
  const bySignal = reading(bobPhone);
  await clock.settle(loops);
  await bySignal.end();
  expect([clock.waiting, sockets.of(bobPhone.id).length]).toEqual([0, 0]);
  const firstText = async () => {
    for await (const message of bobPhone.client.messages()) return await message.text();
    return undefined;
  };
  const broken = firstText();
  await clock.settle(loops);
  await phone.client.send(conversation, 'ends it');
  expect(await broken).toBe('ends it');
  expect([clock.waiting, sockets.of(bobPhone.id).length]).toEqual([0, 0]);
  const byClose = reading(bobPhone);
  await clock.settle(loops);
  await bobPhone.client.close();
  await byClose.end();
  expect([clock.waiting, sockets.of(bobPhone.id).length]).toEqual([0, 0]);
  expect(textsOf(byClose)).toEqual(['ends it']);
  // While a ticket is asked for, and while a socket opens.
  bobPhone.client = await bobPhone.sessions.open({ org });
  sockets.onFrame = () => undefined;
  const early = reading(bobPhone);
  await bobPhone.client.close();
  await early.end();
  await clock.settle(0);
  expect(sockets.of(bobPhone.id)).toEqual([]);
});
