/** A connection that loses requests and answers, and a relay that repeats and reorders. */
import { expect, test } from 'vitest';
import type { Fault } from './fake-relay.ts';
import { ann, fullWorld, type Given, type WorldDevice } from './session-world.ts';

/** Small deterministic numbers. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** All messages of the others, each once, in the order in which each of them was sent. */
function checkOrder(
  got: readonly Given[],
  device: WorldDevice,
  sent: ReadonlyMap<WorldDevice, readonly string[]>,
): void {
  for (const [from, texts] of sent) {
    const expected = from === device ? [] : texts;
    expect(got.filter((one) => one.from === from.id).map(({ text }) => text)).toEqual(expected);
  }
  expect(got.some(({ isLate }) => isLate)).toBe(false);
}

test.each([
  [1, 500],
  [2, 500],
  // Longer than a gap is waited for, while rounds fail.
  [3, 20_000],
])(
  'every message arrives once and in order, with lost requests, answers and restarts (%i, %i ms)',
  async (seed, step) => {
    const random = numbers(seed);
    const { world, all, conversation } = await fullWorld();
    const given = new Map<WorldDevice, Given[]>(all.map((device) => [device, []]));
    const sent = new Map<WorldDevice, string[]>(all.map((device) => [device, []]));
    const fault = (): Fault => (random() < 0.12 ? 'lost_request' : random() < 0.14 ? 'lost_answer' : undefined);
    const repeated = new Map<string, { name: string; message: Uint8Array<ArrayBuffer>; certificate: undefined }[]>();
    world.relay.onReceive = (device, messages) => {
      const known = repeated.get(device) ?? [];
      repeated.set(device, [...known, ...messages.map((one) => ({ ...one, certificate: undefined }))].slice(-5));
      // In another order, and some that were acknowledged before.
      return [...messages, ...(random() < 0.3 ? known : [])].sort(() => random() - 0.5);
    };
    world.relay.fault = fault;
    for (let round = 0; round < 25; round++) {
      const device = all[Math.floor(random() * all.length)] ?? expect.fail();
      const other = all[Math.floor(random() * all.length)] ?? expect.fail();
      const text = `${round} of ${device.id}`;
      await device.client.send(conversation, text);
      sent.get(device)?.push(text);
      given.get(other)?.push(...(await world.drain(other)));
      if (random() < 0.2) await world.reopen(other);
      world.clock.time += step;
    }
    world.relay.fault = () => undefined;
    for (let round = 0; round < 4; round++) {
      for (const device of all) given.get(device)?.push(...(await world.drain(device)));
      world.clock.time += 60_000;
    }
    for (const device of all) {
      checkOrder(given.get(device) ?? [], device, sent);
      expect(await device.client.sync()).toMatchObject({ queued: 0 });
    }
  },
);

test('a message that is missing delays later ones for 30 seconds, is reported, and is shown late if it comes', async () => {
  const { world, phone, bobPhone, conversation } = await fullWorld();
  await phone.client.send(conversation, 'one');
  expect(await world.texts(bobPhone)).toEqual(['one']);
  await phone.client.send(conversation, 'two');
  const box = world.relay.mailbox(bobPhone.id);
  const [held = ''] = box.order.slice(-1);
  const bytes = box.messages.get(held) ?? expect.fail();
  box.messages.delete(held);
  await phone.client.send(conversation, 'three');
  expect(await world.texts(bobPhone)).toEqual([]);
  world.clock.time += 31_000;
  expect(await world.drain(bobPhone)).toMatchObject([{ text: 'three', counter: 3, isLate: false }]);
  expect(bobPhone.notices.filter(({ kind }) => kind === 'messages_missing')).toHaveLength(1);
  const [from = '', counter = ''] = held.split('/');
  world.relay.inject(bobPhone.id, from, Number(counter), bytes);
  expect(await world.drain(bobPhone)).toMatchObject([{ text: 'two', counter: 2, isLate: true }]);
  world.relay.inject(bobPhone.id, from, 900, bytes);
  expect(await world.texts(bobPhone)).toEqual([]);
});

test('messages that came in another order, before a round failed, are given in the order of their senders', async () => {
  const { world, phone, laptop, bobPhone, conversation } = await fullWorld();
  await phone.client.send(conversation, 'phone one');
  await laptop.client.send(conversation, 'laptop one');
  await phone.client.send(conversation, 'phone two');
  world.relay.onReceive = (_, messages) => messages.toReversed();
  world.relay.fault = (operation) => (operation === 'acknowledge' ? 'lost_answer' : undefined);
  await expect(bobPhone.client.sync()).rejects.toMatchObject({ code: 'timeout' });
  world.relay.fault = () => undefined;
  world.clock.time += 31_000;
  const given = await world.drain(bobPhone);
  expect(given.filter(({ from }) => from === phone.id)).toMatchObject([
    { text: 'phone one', isLate: false },
    { text: 'phone two', isLate: false },
  ]);
  expect(given).toHaveLength(3);
});

test('the first message of a device that this one does not know yet is given in the same round', async () => {
  const { world, phone, bobPhone, conversation } = await fullWorld();
  const known = world.relay.log.length;
  const tablet = await world.enroll(ann, 'owner', phone);
  world.relay.frozenAt = known;
  await bobPhone.client.sync();
  world.relay.frozenAt = undefined;
  await tablet.client.conversations.accept(await tablet.client.conversations.changes(conversation));
  await tablet.client.send(conversation, 'from a new device');
  expect(await world.texts(bobPhone)).toEqual(['from a new device']);
});

test('a message that is sent again after a resync, because its receipt was late, is given once', async () => {
  const { world, phone, bobPhone, conversation } = await fullWorld();
  await phone.client.send(conversation, 'once');
  world.relay.fault = (operation, device) =>
    operation === 'send' && device === bobPhone.id ? 'lost_request' : undefined;
  expect(await world.texts(bobPhone)).toEqual(['once']);
  for (let counter = 900; counter < 903; counter++)
    world.relay.inject(bobPhone.id, phone.id, counter, new Uint8Array(80).fill(counter % 251));
  await expect(bobPhone.client.sync()).rejects.toMatchObject({ code: 'connection_failed' });
  world.relay.fault = () => undefined;
  await bobPhone.client.sync();
  const before = world.relay.mailbox(bobPhone.id).order.length;
  await phone.client.sync();
  // The answer to the resync, and the message.
  expect(world.relay.mailbox(bobPhone.id).order.length).toBeGreaterThanOrEqual(before + 2);
  await bobPhone.client.sync();
  expect(await bobPhone.client.sync()).toMatchObject({ quarantined: 3 });
  expect(await world.texts(bobPhone)).toEqual([]);
  await phone.client.send(conversation, 'two');
  expect(await world.texts(bobPhone)).toEqual(['two']);
});
