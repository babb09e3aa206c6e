/** A relay that forges, replays, drains and rewrites. Nothing of it reaches the application. */
import { expect, test } from 'vitest';
import type { Bytes } from '../../../core/encoding/bytes.ts';
import { ann, bob, day, fullWorld, SessionWorld, type WorldDevice } from './session-world.ts';

const peerItem = (device: WorldDevice, peer: string): Bytes | undefined => device.storage.items.get(`peer/${peer}`);

const kinds = (device: WorldDevice): string[] => device.notices.map(({ kind }) => kind);

test('a garbage frame is quarantined and acknowledged, and the next message opens as if nothing had happened', async () => {
  const { world, phone, bobPhone, conversation } = await fullWorld();
  await phone.client.send(conversation, 'one');
  expect(await world.texts(bobPhone)).toEqual(['one']);
  const garbage = [new Uint8Array(0), new Uint8Array(200).fill(3), Uint8Array.of(1, 1, 3, ...new Uint8Array(300))];
  world.relay.inject(bobPhone.id, phone.id, 800, garbage[0] ?? expect.fail());
  world.relay.inject(bobPhone.id, phone.id, 801, garbage[1] ?? expect.fail());
  expect(await world.texts(bobPhone)).toEqual([]);
  expect(world.relay.mailbox(bobPhone.id).messages.size).toBe(0);
  expect(await bobPhone.client.sync()).toMatchObject({ quarantined: 2 });
  await phone.client.send(conversation, 'two');
  expect(await world.texts(bobPhone)).toEqual(['two']);
  expect(kinds(bobPhone)).not.toContain('session_restarted');
});

test('C1, I3: messages under another sender, of an unknown sender, and of the own device do not open', async () => {
  const { world, phone, agent, bobPhone, conversation } = await fullWorld();
  await phone.client.send(conversation, 'secret of the phone');
  const box = world.relay.mailbox(bobPhone.id);
  const [name = ''] = box.order.slice(-1);
  const bytes = box.messages.get(name) ?? expect.fail();
  box.messages.delete(name);
  world.relay.inject(bobPhone.id, agent.id, 700, bytes);
  world.relay.inject(bobPhone.id, 'ab'.repeat(16), 700, bytes);
  world.relay.inject(bobPhone.id, bobPhone.id, 700, bytes);
  box.order.push('not a name');
  box.messages.set('not a name', bytes);
  expect(await world.texts(bobPhone)).toEqual([]);
  expect(await bobPhone.client.sync()).toMatchObject({ quarantined: 3 });
  world.relay.inject(bobPhone.id, phone.id, 1, bytes);
  expect(await world.texts(bobPhone)).toEqual(['secret of the phone']);
});

test('C3: a first message opens once, with and without a one-time prekey, also after a restart and under other counters', async () => {
  for (const isDrained of [false, true]) {
    const { world, phone, bobPhone, conversation } = await fullWorld();
    if (isDrained) world.relay.prekeys.get(bobPhone.id)?.clear();
    await phone.client.send(conversation, 'once');
    const box = world.relay.mailbox(bobPhone.id);
    const [name = ''] = box.order.slice(-1);
    const bytes = box.messages.get(name) ?? expect.fail();
    expect(bytes[2]).toBe(isDrained ? 1 : 2);
    expect(await world.texts(bobPhone)).toEqual(['once']);
    for (const counter of [601, 602]) {
      world.relay.inject(bobPhone.id, phone.id, counter, bytes);
      await world.reopen(bobPhone);
      expect(await world.texts(bobPhone)).toEqual([]);
    }
  }
});

test('I3: an old bundle, a bundle of another device and a foreign one-time prekey begin no session', async () => {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  const bobPhone = await world.enroll(bob);
  const conversation = await phone.client.conversations.open({ persons: [bob] });
  const old = world.relay.bundles.get(bobPhone.id) ?? expect.fail();
  const foreign = world.relay.bundles.get(phone.id) ?? expect.fail();
  await phone.client.send(conversation, 'one');
  expect(await world.texts(bobPhone)).toEqual(['one']);
  // Bob replaces the bundle after 7 days; the relay shows the old one, although both saw the new one.
  world.clock.time += 8 * day;
  await bobPhone.client.sync();
  await phone.client.send(conversation, 'two');
  const before = peerItem(phone, bobPhone.id);
  world.clock.time += 8 * day;
  world.relay.onClaim = (_, answer) => ({ ...answer, bundle: old });
  expect((await phone.client.send(conversation, 'three')).state).toBe('sent');
  world.clock.time += 400_000;
  world.relay.onClaim = (_, answer) => ({ ...answer, bundle: foreign });
  await phone.client.send(conversation, 'four');
  expect(before).toBeDefined();
  world.clock.time += 400_000;
  world.relay.onClaim = (_, answer) => ({ ...answer, oneTimePrekey: new Uint8Array(40) });
  await bobPhone.client.sync();
  await phone.client.send(conversation, 'five');
  expect(await world.texts(bobPhone)).toEqual(['two', 'three', 'four', 'five']);
});

test('drained one-time prekeys are made again, and a relay that asks for ever gets them once an hour', async () => {
  const { world, bobPhone } = await fullWorld();
  const prekeys = world.relay.prekeys.get(bobPhone.id) ?? expect.fail();
  const count = () => [...bobPhone.storage.items.keys()].filter((name) => name.startsWith('prekey-opk/')).length;
  expect(prekeys.size).toBeGreaterThan(40);
  const before = count();
  for (let round = 0; round < 5; round++) {
    prekeys.clear();
    await bobPhone.client.sync();
  }
  expect(count()).toBe(before);
  world.clock.time += 3_700_000;
  await bobPhone.client.sync();
  expect(prekeys.size).toBe(50);
  expect(count()).toBe(before + 50);
  world.clock.time += 48 * day;
  await bobPhone.client.sync();
  expect(count()).toBeLessThanOrEqual(50);
});

test('one-time prekeys are made again below 10, and not before', async () => {
  const { world, bobPhone } = await fullWorld();
  const prekeys = world.relay.prekeys.get(bobPhone.id) ?? expect.fail();
  const leave = async (count: number) => {
    for (const id of [...prekeys.keys()].slice(0, prekeys.size - count)) prekeys.delete(id);
    world.clock.time += 3_700_000;
    await bobPhone.client.sync();
    return prekeys.size;
  };
  expect(await leave(10)).toBe(10);
  expect(await leave(9)).toBe(50);
});

test('C3: prekeys are replaced after 7 days, and their secrets are deleted 40 days later', async () => {
  const { world, bobPhone } = await fullWorld();
  const secrets = (kind: string) =>
    [...bobPhone.storage.items.keys()].filter((name) => name.startsWith(`prekey-${kind}/`));
  const [spk, kem] = [secrets('spk'), secrets('kem')];
  expect([spk.length, kem.length]).toEqual([1, 1]);
  world.clock.time += 7 * day;
  await bobPhone.client.sync();
  expect([secrets('spk').length, secrets('kem').length]).toEqual([2, 2]);
  world.clock.time += 40 * day - 1;
  await bobPhone.client.sync();
  expect(secrets('spk')).toEqual(expect.arrayContaining(spk));
  world.clock.time += day + 1;
  await bobPhone.client.sync();
  expect(secrets('spk')).not.toEqual(expect.arrayContaining(spk));
  expect(secrets('kem')).not.toEqual(expect.arrayContaining(kem));
});

test('I3: a relay that acknowledges in place of a device is not believed: only that device says what it has', async () => {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  const bobPhone = await world.enroll(bob);
  const robot = await world.enroll(ann, 'agent', phone, { acceptsParticipants: true });
  const box = world.relay.mailbox(bobPhone.id);
  /** The relay deletes the newest message as if it had been read. */
  const acknowledge = () => {
    const [name = ''] = box.order.slice(-1);
    box.acknowledged.set(name, box.messages.get(name) ?? expect.fail());
    box.messages.delete(name);
  };
  const stateOf = async (id: string, { id: device }: WorldDevice) =>
    (await phone.client.delivery(id)).devices[device] ?? expect.fail();
  const alone = await phone.client.conversations.open({ persons: [bob] });
  world.relay.fault = (operation) => (operation === 'send' ? 'lost_answer' : undefined);
  const { id } = await phone.client.send(alone, 'kept back');
  expect(await stateOf(id, bobPhone)).toBe('queued');
  acknowledge();
  world.relay.fault = () => undefined;
  // Now the relay answers that Bob's phone has acknowledged it.
  await phone.client.sync();
  expect(await stateOf(id, bobPhone)).toBe('sent');
  // Another participant speaks for itself only.
  const together = await phone.client.conversations.open({ persons: [bob], agents: [robot.id] });
  const second = await phone.client.send(together, 'kept back from Bob only');
  acknowledge();
  expect(await world.texts(robot)).toEqual(['kept back from Bob only']);
  await phone.client.sync();
  expect(await stateOf(second.id, robot)).toBe('delivered');
  expect(await stateOf(second.id, bobPhone)).toBe('sent');
});

test('three messages that do not open cause one resync an hour, and everything unconfirmed is sent again', async () => {
  const { world, phone, bobPhone, conversation } = await fullWorld();
  await phone.client.send(conversation, 'one');
  expect(await world.texts(bobPhone)).toEqual(['one']);
  await bobPhone.client.send(conversation, 'answer');
  await world.texts(phone);
  const box = world.relay.mailbox(bobPhone.id);
  // The relay breaks every message of the phone.
  world.relay.onReceive = (device, messages) =>
    device !== bobPhone.id
      ? messages
      : messages.map((one) => {
          if (!one.name.startsWith(phone.id)) return one;
          const message = one.message.slice();
          message[message.length - 1] = (message.at(-1) ?? 0) ^ 1;
          return { ...one, message };
        });
  for (const text of ['two', 'three', 'four', 'five']) {
    await phone.client.send(conversation, text);
    expect(await world.texts(bobPhone)).toEqual([]);
  }
  const restarts = () => kinds(bobPhone).filter((kind) => kind === 'session_restarted').length;
  expect(restarts()).toBe(1);
  for (let round = 0; round < 10; round++) {
    await phone.client.send(conversation, `more ${round}`);
    await bobPhone.client.sync();
  }
  expect(restarts()).toBe(1);
  world.relay.onReceive = (_, messages) => messages;
  await phone.client.sync();
  await phone.client.sync();
  expect(kinds(phone)).toContain('session_restarted');
  const more = Array.from({ length: 10 }, (_, round) => `more ${round}`);
  expect(await world.texts(bobPhone)).toEqual(['two', 'three', 'four', 'five', ...more]);
  expect(box.messages.size).toBe(0);
});

test('I3: a relay cannot make a device restart sessions by replayed or forged resyncs', async () => {
  const { world, phone, bobPhone, conversation } = await fullWorld();
  await phone.client.send(conversation, 'one');
  await world.texts(bobPhone);
  for (let counter = 900; counter < 904; counter++)
    world.relay.inject(bobPhone.id, phone.id, counter, new Uint8Array(80).fill(counter % 251));
  await bobPhone.client.sync();
  const resync = [...world.relay.mailbox(phone.id).messages.values()].find((bytes) => bytes[2] === 4) ?? expect.fail();
  const claims = () => world.relay.claims.filter((one) => one === `${phone.id}/${bobPhone.id}`).length;
  await phone.client.sync();
  const before = claims();
  for (let counter = 950; counter < 956; counter++) {
    world.relay.inject(phone.id, bobPhone.id, counter, resync);
    await phone.client.sync();
    world.clock.time += 3_700_000;
  }
  const changed = resync.slice();
  changed[100] = (changed[100] ?? 0) ^ 1;
  world.relay.inject(phone.id, bobPhone.id, 990, changed);
  await phone.client.sync();
  expect(claims()).toBe(before);
});

test('a device that was restored from a backup learns it, and loses no message', async () => {
  const { world, phone, bobPhone, conversation } = await fullWorld();
  await phone.client.send(conversation, 'one');
  expect(await world.texts(bobPhone)).toEqual(['one']);
  await phone.client.close();
  const backup = await phone.storage.snapshot();
  phone.client = await phone.sessions.open({ org: phone.client.org });
  for (const text of ['two', 'three']) await phone.client.send(conversation, text);
  expect(await world.texts(bobPhone)).toEqual(['two', 'three']);
  await phone.client.close();
  await phone.storage.restore(backup);
  phone.client = await phone.sessions.open({ org: phone.client.org });
  await phone.client.send(conversation, 'after the backup');
  await phone.client.sync();
  expect(kinds(phone)).toContain('counter_reused');
  await bobPhone.client.sync();
  world.clock.time += 31_000;
  expect(await world.texts(bobPhone)).toEqual(['after the backup']);
  expect(kinds(bobPhone)).toContain('messages_missing');
  await bobPhone.client.send(conversation, 'welcome back');
  expect(await world.texts(phone)).toEqual(['welcome back']);
});

test('a relay that says that every counter was used does not keep a device busy, and loses nothing', async () => {
  const { world, phone, bobPhone, conversation } = await fullWorld();
  world.relay.refusesCounters = true;
  expect((await phone.client.send(conversation, 'one')).state).toBe('queued');
  await phone.client.sync();
  world.relay.refusesCounters = false;
  expect(await phone.client.sync()).toMatchObject({ queued: 0 });
  await bobPhone.client.sync();
  world.clock.time += 31_000;
  expect(await world.texts(bobPhone)).toEqual(['one']);
});

test('C2: nothing of keys and messages is in clear in what is stored', async () => {
  const { world, phone, bobPhone, conversation } = await fullWorld();
  await phone.client.send(conversation, 'a plain secret');
  await bobPhone.client.sync();
  world.relay.fault = () => 'lost_request';
  await bobPhone.client.send(conversation, 'another plain secret');
  for (const { storage } of [phone, bobPhone]) {
    expect(storage.items.size).toBeGreaterThan(20);
    for (const [name, bytes] of storage.items) {
      const stored = Buffer.from(bytes);
      expect(stored.includes('plain secret')).toBe(false);
      expect(stored.includes('anima')).toBe(false);
      expect(stored.includes(Buffer.from(conversation))).toBe(false);
      // Names are those that the service sees anyway, and numbers.
      expect(name).toMatch(
        /^(device(-keys)?|directory(-hashes\/\d{6})?|numbers|prekeys|maintained|(peer|conversation|sent)\/[0-9a-f]{32}|prekey-(spk|kem|opk)\/\d+|(todo|unconfirmed)\/[0-9a-f]{32}\/[ab]?\d{12}|(out|quarantine|handled)\/[0-9a-f]{32}\/[0-9a-f]{16}|(held|inbox|history)\/\d{12}|track\/[0-9a-f]{32}\/[0-9a-f]{32})$/,
      );
    }
  }
});
