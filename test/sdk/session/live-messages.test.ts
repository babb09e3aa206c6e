/** Messages through a socket: as little trusted as those of the mailbox, and each once for the application. */
import { expect, test } from 'vitest';
import { messageFrame } from './fake-sockets.ts';
import { liveWorld, loopsWithSockets as loops, minute, reading, second, textsOf } from './live-world.ts';

test('a message arrives at once, without a look into the mailbox, and is acknowledged', async () => {
  const { world, clock, sockets, phone, bobPhone, conversation, reads } = await liveWorld();
  const bobReads = reading(bobPhone);
  await clock.settle(loops);
  const [socket] = sockets.all;
  expect(socket?.protocols).toEqual(['anima.v1', expect.stringMatching(/^t\./)]);
  expect(socket?.sent).toEqual(['{"type":"hello"}']);
  expect(reads.length).toBeGreaterThan(0);
  const before = reads.length;
  const { id } = await phone.client.send(conversation, 'live');
  await clock.settle(loops);
  expect(textsOf(bobReads)).toEqual(['live']);
  expect(reads).toHaveLength(before);
  expect(world.relay.mailbox(bobPhone.id).messages.size).toBe(0);
  await phone.client.sync();
  expect(await phone.client.delivery(id)).toMatchObject({ state: 'delivered' });
  await bobReads.end();
  expect(clock.waiting).toBe(0);
  expect(sockets.of(bobPhone.id)).toEqual([]);
});

test('a message that comes by frame and by mailbox, twice and in any order, is given once', async () => {
  const { world, clock, sockets, phone, bobPhone, conversation } = await liveWorld();
  const bobReads = reading(bobPhone);
  await clock.settle(loops);
  const frames: object[] = [];
  sockets.onFrame = (message) => {
    frames.push(messageFrame(message));
    return { type: 'wake' };
  };
  for (const text of ['one', 'two', 'three']) await phone.client.send(conversation, text);
  await clock.settle(loops);
  expect(textsOf(bobReads)).toEqual(['one', 'two', 'three']);
  for (const frame of [...frames, ...frames.toReversed()]) sockets.all[0]?.frame(frame);
  await clock.settle(loops);
  await bobReads.end();
  expect(textsOf(bobReads)).toEqual(['one', 'two', 'three']);
  expect(await bobPhone.client.sync()).toMatchObject({ quarantined: 0 });
  expect(bobPhone.notices.filter(({ kind }) => kind === 'message_quarantined')).toEqual([]);
  expect(world.relay.mailbox(bobPhone.id).messages.size).toBe(0);
});

test('a frame that was lost is noticed with the next one, and the mailbox gives both in order', async () => {
  const { clock, sockets, phone, bobPhone, conversation, reads } = await liveWorld();
  const bobReads = reading(bobPhone);
  await clock.settle(loops);
  sockets.onFrame = () => undefined;
  await phone.client.send(conversation, 'lost');
  await clock.settle(loops);
  expect(textsOf(bobReads)).toEqual([]);
  const before = reads.length;
  sockets.onFrame = messageFrame;
  await phone.client.send(conversation, 'next');
  await clock.settle(loops);
  expect(bobReads.given).toMatchObject([
    { text: 'lost', isLate: false },
    { text: 'next', isLate: false },
  ]);
  expect(reads.length).toBe(before + 1);
  await bobReads.end();
});

test('bytes of a hostile socket open nothing, and the next message is given as if nothing had happened', async () => {
  const { clock, sockets, phone, bobPhone, conversation } = await liveWorld();
  const bobReads = reading(bobPhone);
  await clock.settle(loops);
  const [socket] = sockets.all;
  const frame = (more: object) => socket?.frame({ type: 'message', storedAt: '', ...more });
  for (const data of ['', '{', 'null', '7', '[]', '{}', '{"type":7}', '{"type":"later"}', 'x'.repeat(200_000)])
    socket?.emit('message', data);
  socket?.emit('message', new Uint8Array(5));
  await clock.settle(loops);
  frame({ name: 7, message: '' });
  frame({ name: `${phone.id}/7`, message: '%' });
  frame({ name: `${phone.id}/7`, message: Buffer.alloc(20_000).toString('base64') });
  await clock.settle(loops);
  frame({ name: `${phone.id}/900`, message: Buffer.alloc(80, 7).toString('base64') });
  frame({ name: 'nobody', message: '' });
  frame({ name: `${bobPhone.id}/1`, message: '' });
  await clock.settle(loops);
  expect(bobPhone.notices.filter(({ kind }) => kind === 'message_quarantined')).toHaveLength(2);
  await phone.client.send(conversation, 'still there');
  await clock.settle(loops);
  expect(textsOf(bobReads)).toEqual(['still there']);
  await bobReads.end();
});

test('more frames than a device holds while the application is busy are read from the mailbox', async () => {
  const { clock, phone, bobPhone, conversation, reads } = await liveWorld();
  const iterator = bobPhone.client.messages()[Symbol.asyncIterator]();
  const first = iterator.next();
  await clock.settle(loops);
  const texts = Array.from({ length: 80 }, (_, at) => `number ${at}`);
  for (const text of texts) await phone.client.send(conversation, text);
  await clock.settle(1);
  const before = reads.length;
  const got = [await (await first).value?.text()];
  while (got.length < texts.length) got.push(await (await iterator.next()).value?.text());
  expect(got).toEqual(texts);
  expect(reads.length).toBeGreaterThan(before);
  await iterator.return?.();
  await clock.settle(0);
});

test('what is queued or missing is not forgotten while a socket is ready', async () => {
  const { world, clock, sockets, phone, bobPhone, conversation } = await liveWorld();
  const bobReads = reading(bobPhone);
  await clock.settle(loops);
  world.relay.fault = (operation, device) =>
    operation === 'send' && device === bobPhone.id ? 'lost_request' : undefined;
  const { id, state } = await bobPhone.client.send(conversation, 'queued');
  expect(state).toBe('queued');
  world.relay.fault = () => undefined;
  await clock.advance(16 * second, loops);
  expect((await bobPhone.client.delivery(id)).state).toBe('sent');
  // A message that never comes delays later ones for 30 seconds only.
  sockets.onFrame = () => undefined;
  await phone.client.send(conversation, 'gone');
  world.relay.mailbox(bobPhone.id).messages.clear();
  sockets.onFrame = messageFrame;
  await phone.client.send(conversation, 'after it');
  await clock.advance(29 * second, loops);
  expect(textsOf(bobReads)).toEqual([]);
  await clock.advance(17 * second, loops);
  expect(textsOf(bobReads)).toEqual(['after it']);
  await clock.advance(minute, loops);
  await bobReads.end();
});
