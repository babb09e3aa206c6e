/** A device loses power before or after any of its writes; then it is opened again and goes on. */
import { expect, test } from 'vitest';
import type { WatchedStorage } from '../device/watched-storage.ts';
import { ann, bob, type Given, SessionWorld, type WorldDevice } from './session-world.ts';

/** Runs a conversation in which `mine` fails once. @returns number of its writes; whether the failure happened */
async function run(side: 'sender' | 'receiver', failAt: WatchedStorage['failAt']) {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  const bobPhone = await world.enroll(bob);
  const conversation = await phone.client.conversations.open({ persons: [ann, bob] });
  await bobPhone.client.sync();
  await bobPhone.client.conversations.accept(await bobPhone.client.conversations.changes(conversation));
  const mine = side === 'sender' ? phone : bobPhone;
  mine.storage.writes = 0;
  mine.storage.failAt = failAt;
  let hasFailed = false;
  const given: string[] = [];
  const careful = async <T>(device: WorldDevice, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      expect(error).toMatchObject({ code: 'storage_failed' });
      hasFailed = true;
      // It says so until it is opened again.
      await expect(device.client.sync()).rejects.toMatchObject({ code: 'storage_failed' });
      await world.reopen(device);
      return undefined;
    }
  };
  const send = async (device: WorldDevice, text: string) => {
    if ((await careful(device, () => device.client.send(conversation, text))) === undefined) {
      // The application does not know whether it was stored; it looks, as it would after a crash.
      const stored = [...device.storage.items.keys()].filter((name) => name.startsWith('sent/')).length;
      if (stored < sentBy(device)) await device.client.send(conversation, text);
    }
    await careful(device, () => device.client.sync());
  };
  const counts = new Map<WorldDevice, number>();
  const sentBy = (device: WorldDevice): number => counts.get(device) ?? 0;
  const drain = async (device: WorldDevice) => {
    // What the application got before the failure counts.
    const got: Given[] = [];
    if ((await careful(device, () => world.drain(device, got))) === undefined) await world.drain(device, got);
    given.push(...got.map(({ text }) => text));
  };
  for (const text of ['one', 'two']) {
    counts.set(phone, sentBy(phone) + 1);
    await send(phone, text);
  }
  await drain(bobPhone);
  counts.set(bobPhone, 1);
  await send(bobPhone, 'answer');
  await drain(phone);
  counts.set(phone, 3);
  await send(phone, 'three');
  await drain(bobPhone);
  await drain(phone);
  const { writes } = mine.storage;
  expect(await phone.client.sync()).toMatchObject({ queued: 0, quarantined: 0 });
  expect(await bobPhone.client.sync()).toMatchObject({ queued: 0, quarantined: 0 });
  return { writes, hasFailed, given };
}

/** A message whose confirmation was not stored is given again: nothing else may repeat. */
function check(given: readonly string[], expected: readonly string[]): void {
  expect([...new Set(given)].sort()).toEqual([...expected].sort());
  expect(given.length).toBeLessThanOrEqual(expected.length + 1);
}

test.each(['sender', 'receiver'] as const)(
  'power is lost before or after each write of the %s',
  async (side) => {
    const { writes, given } = await run(side, undefined);
    expect(writes).toBeGreaterThan(12);
    expect(given).toEqual(['one', 'two', 'answer', 'three']);
    for (let write = 1; write <= writes; write++) {
      // Before one write and after the next: what is stored in between is the same.
      const when = write % 2 === 0 ? 'before' : 'after';
      const result = await run(side, { write, when });
      expect([write, when, result.hasFailed]).toEqual([write, when, true]);
      check(result.given, ['one', 'two', 'answer', 'three']);
    }
  },
  300_000,
);
