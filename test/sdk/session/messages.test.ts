/** Messages between all devices of a conversation: each once for the application, and in order. */
import { expect, test } from 'vitest';
import { AnimaError } from '../../../sdk/src/shared/errors.ts';
import { ann, bob, day, fullWorld, org, SessionWorld } from './session-world.ts';

test('every other device gets every message once, and in the order of its sender', async () => {
  const { world, phone, laptop, agent, bobPhone, bobLaptop, all, conversation } = await fullWorld();
  const first = await phone.client.send(conversation, 'one');
  expect(first).toMatchObject({ state: 'sent', conversation });
  expect(Object.keys(first.devices).sort()).toEqual([laptop.id, agent.id, bobPhone.id, bobLaptop.id].sort());
  await phone.client.send(conversation, 'two');
  expect(await world.texts(bobPhone)).toEqual(['one', 'two']);
  await bobPhone.client.send(conversation, 'three');
  await agent.client.send(conversation, 'four');
  expect(await world.texts(bobPhone)).toEqual(['four']);
  expect((await world.texts(phone)).sort()).toEqual(['four', 'three']);
  expect((await world.texts(laptop)).sort()).toEqual(['four', 'one', 'three', 'two']);
  expect((await world.texts(agent)).sort()).toEqual(['one', 'three', 'two']);
  expect((await world.texts(bobLaptop)).sort()).toEqual(['four', 'one', 'three', 'two']);
  for (const device of all) expect(await world.texts(device)).toEqual([]);
  expect((await phone.client.delivery(first.id)).state).toBe('delivered');
  expect(world.relay.log.length).toBeGreaterThan(8);
});

test('a device can be written to as soon as it is enrolled, before it synchronized', async () => {
  const world = await SessionWorld.create();
  const phone = await world.enrollOnly(ann);
  const bobPhone = await world.enrollOnly(bob);
  const conversation = await phone.client.conversations.open({ persons: [bob] });
  expect(await phone.client.send(conversation, 'welcome')).toMatchObject({ state: 'sent' });
  expect(await world.texts(bobPhone)).toEqual(['welcome']);
});

test('an enrollment succeeds although its prekeys could not be sent, and the first round sends them', async () => {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  world.relay.fault = (operation) => (operation === 'putBundle' ? 'lost_request' : undefined);
  const bobPhone = await world.enrollOnly(bob);
  world.relay.fault = () => undefined;
  const conversation = await phone.client.conversations.open({ persons: [bob] });
  expect(await phone.client.send(conversation, 'later')).toMatchObject({ state: 'queued' });
  await bobPhone.client.sync();
  world.clock.time += 400_000;
  expect(await phone.client.sync()).toMatchObject({ queued: 0 });
  expect(await world.texts(bobPhone)).toEqual(['later']);
});

test('a message goes from queued to sent, delivered and read, and its body is then forgotten', async () => {
  const { world, phone, bobPhone, bobLaptop, laptop, agent, conversation } = await fullWorld();
  world.relay.fault = (operation) => (operation === 'send' ? 'lost_request' : undefined);
  const { id, state } = await phone.client.send(conversation, 'the body');
  expect(state).toBe('queued');
  world.relay.fault = () => undefined;
  await phone.client.sync();
  expect((await phone.client.delivery(id)).state).toBe('sent');
  for await (const message of bobPhone.client.messages()) {
    expect(message).toMatchObject({ id, isOwn: false, sender: { device: phone.id, person: ann, role: 'owner' } });
    await bobPhone.client.markRead(message);
    await message.confirm();
    break;
  }
  await bobPhone.client.sync();
  await phone.client.sync();
  // Bob has read it on one device; the agent has not.
  expect(await phone.client.delivery(id)).toMatchObject({ state: 'sent', devices: { [bobPhone.id]: 'read' } });
  for (const device of [bobLaptop, laptop, agent]) await world.texts(device);
  await phone.client.sync();
  expect(await phone.client.delivery(id)).toMatchObject({ state: 'delivered' });
  const sent = phone.storage.items.get(`sent/${id}`);
  expect(sent?.length).toBeLessThan(900);
  await expect(phone.client.delivery('00'.repeat(16))).rejects.toMatchObject({ code: 'message_unknown' });
});

test('a loop that breaks or throws gets the message again; one that asks for the next does not', async () => {
  const { world, phone, bobPhone, conversation } = await fullWorld();
  for (const text of ['one', 'two', 'three']) await phone.client.send(conversation, text);
  for await (const message of bobPhone.client.messages()) {
    expect(await message.text()).toBe('one');
    break;
  }
  const failing = async () => {
    for await (const message of bobPhone.client.messages()) {
      if ((await message.text()) === 'two') throw new Error('the application fails');
    }
  };
  await expect(failing()).rejects.toThrow('the application fails');
  await world.reopen(bobPhone);
  expect(await world.texts(bobPhone)).toEqual(['two', 'three']);
  expect(await world.texts(bobPhone)).toEqual([]);
});

test('only one loop reads at a time, and a signal ends it', async () => {
  const { world, phone, bobPhone, conversation } = await fullWorld();
  await phone.client.send(conversation, 'one');
  for await (const _ of bobPhone.client.messages()) {
    const second = bobPhone.client.messages()[Symbol.asyncIterator]();
    await expect(second.next()).rejects.toMatchObject({ code: 'already_reading' });
    break;
  }
  const controller = new AbortController();
  controller.abort();
  for await (const _ of bobPhone.client.messages({ signal: controller.signal })) expect.fail('ended already');
  await expect(
    bobPhone.sessions.enroll({
      invite: (await world.admin.invite({ person: bob, role: 'owner' })).invite,
      name: 'x',
      signal: controller.signal,
    }),
  ).rejects.toMatchObject({ code: 'aborted' });
});

test('it polls each 15 seconds, more rarely after failures, and at once after a sleep', async () => {
  const { world, bobPhone } = await fullWorld();
  const { clock, relay } = world;
  const controller = new AbortController();
  const reads: number[] = [];
  relay.fault = (operation) => {
    if (operation !== 'receive') return undefined;
    reads.push(clock.time);
    return reads.length >= 3 && reads.length < 8 ? 'lost_request' : undefined;
  };
  let hasSlept = false;
  clock.onWait = async () => {
    // The network returns, or the page becomes visible.
    if (reads.length === 7) clock.wake();
    // The timer was late: the machine slept.
    if (reads.length === 9 && !hasSlept) clock.time += 200_000;
    hasSlept = reads.length === 9;
    if (reads.length === 11) controller.abort();
  };
  const entries: number[] = [];
  for await (const _ of bobPhone.client.messages({ signal: controller.signal })) entries.push(1);
  const pauses = reads.slice(1).map((at, index) => at - (reads[index] ?? 0));
  expect(pauses.slice(0, 2)).toEqual([15_000, 15_000]);
  // 30, 60, 120, 240 seconds at most, at least half of it.
  for (const [at, bound] of [30_000, 60_000, 120_000, 240_000].entries()) {
    expect(pauses[2 + at]).toBeLessThanOrEqual(bound + 1);
    expect(pauses[2 + at]).toBeGreaterThanOrEqual(bound / 2);
  }
  expect(pauses.slice(6)).toEqual([0, 15_000, 215_000, 15_000]);
  expect(bobPhone.notices.filter(({ kind }) => kind === 'sync_failed')).toHaveLength(5);
});

test('a history stays for the days that were set, and then goes', async () => {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  const bobPhone = await world.enroll(bob, 'owner', undefined, { historyDays: 3 });
  const conversation = await phone.client.conversations.open({ persons: [bob] });
  await phone.client.send(conversation, 'kept for three days');
  expect(await world.texts(bobPhone)).toEqual(['kept for three days']);
  const history = await bobPhone.client.history(conversation);
  expect(await Promise.all(history.map((message) => message.text()))).toEqual(['kept for three days']);
  world.clock.time += 4 * day;
  await bobPhone.client.sync();
  expect(await bobPhone.client.history(conversation)).toEqual([]);
});

test('a long body is an attachment, and a changed one is not given', async () => {
  const { world, phone, bobPhone, conversation } = await fullWorld();
  const body = new Uint8Array(100_000).fill(7);
  await phone.client.send(conversation, body, { type: 'image/png' });
  const [[name = '', stored] = []] = world.relay.attachments;
  for await (const message of bobPhone.client.messages()) {
    expect(message).toMatchObject({ type: 'image/png', length: 100_000 });
    expect(await message.read()).toEqual(body);
    const changed = stored?.slice() ?? expect.fail();
    changed[50_000] = (changed[50_000] ?? 0) ^ 1;
    world.relay.attachments.set(name, changed);
    await expect(message.read()).rejects.toMatchObject({ code: 'attachment_damaged' });
    break;
  }
  await expect(phone.client.send(conversation, new Uint8Array(16_777_217))).rejects.toMatchObject({
    code: 'body_too_large',
  });
  await expect(phone.client.send(conversation, 'x', { type: 'anima/receipt' })).rejects.toMatchObject({
    code: 'invalid_argument',
  });
});

test('it works offline: what is sent is queued, and stays over a restart', async () => {
  const { world, phone, bobPhone, conversation } = await fullWorld();
  world.relay.fault = (_, device) => (device === phone.id ? 'lost_request' : undefined);
  for (const text of ['one', 'two']) expect((await phone.client.send(conversation, text)).state).toBe('queued');
  await expect(phone.client.sync()).rejects.toBeInstanceOf(AnimaError);
  await world.reopen(phone);
  expect((await phone.client.send(conversation, 'three')).state).toBe('queued');
  world.relay.fault = () => undefined;
  expect(await phone.client.sync()).toMatchObject({ queued: 0 });
  expect(await world.texts(bobPhone)).toEqual(['one', 'two', 'three']);
  await expect(phone.sessions.open({ org })).rejects.toMatchObject({ code: 'in_use' });
  await expect(phone.sessions.open({ org: 'fedcba9876543210' })).rejects.toMatchObject({ code: 'not_enrolled' });
});

test('a conversation has at most 16 devices, the own ones included; with one more, nothing is sent', async () => {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  const bobPhone = await world.enroll(bob);
  const add = async () => {
    const more = await world.enrollOnly(bob, 'owner', bobPhone);
    await phone.client.sync();
    return more;
  };
  while (phone.client.devices().length < 16) await add();
  const conversation = await phone.client.conversations.open({ persons: [bob] });
  const { devices, state } = await phone.client.send(conversation, 'to fifteen others');
  expect([Object.keys(devices).length, state]).toEqual([15, 'sent']);
  await add();
  await phone.client.conversations.accept(await phone.client.conversations.changes(conversation));
  const claims = world.relay.claims.length;
  await expect(phone.client.send(conversation, 'one too many')).rejects.toMatchObject({ code: 'too_many_devices' });
  await expect(phone.client.conversations.open({ persons: [bob] })).rejects.toMatchObject({
    code: 'too_many_devices',
  });
  expect(world.relay.claims).toHaveLength(claims);
  expect((await phone.client.sent(conversation)).map(({ text }) => text)).not.toContain('one too many');
}, 60_000);
