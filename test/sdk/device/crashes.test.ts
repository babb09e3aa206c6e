/** The device loses power before or after any of its writes; then it is opened again and goes on. */
import { expect, test } from 'vitest';
import { applyEntry } from '../../../core/devices/apply-entry.ts';
import { initialState } from '../../../core/devices/chain-state.ts';
import { DeviceVault } from '../../../sdk/src/device/device-vault.ts';
import { openEngine } from '../../../sdk/src/device/open-vault.ts';
import { FakeDeviceService, servedBy, settingsOf } from './engine-fixtures.ts';
import { anotherDevice, type Device, dataAt, firstDevice, offline } from './record-fixtures.ts';
import { type WatchedStorage, watchedStorage } from './watched-storage.ts';

type Step = (device: Device, other: Device, service: FakeDeviceService) => Promise<unknown>;

const put = (device: Device, id: string, data: unknown, type: 'memory' | 'todo' | 'provider' = 'memory') =>
  device.vault.records(type).put(data as never, { id });

/** Steps that can be repeated: each ends in the same state if it was done before. */
const steps: readonly Step[] = [
  (device) => put(device, 'a', { text: 'one' }),
  (device) => put(device, 't', { title: 'x', done: false }, 'todo'),
  (device) => put(device, 'p', { key: 'base' }, 'provider'),
  (_, other) => other.vault.sync(),
  (_, other) => put(other, 'a', { text: 'one', by: 'other' }),
  (_, other) => put(other, 't', { title: 'x', done: true }, 'todo'),
  (device, _, service) =>
    offline(service, async () => {
      await put(device, 'a', { text: 'two' });
      await put(device, 't', { title: 'y', done: false }, 'todo');
      await put(device, 'b', 'new');
    }),
  (device) => device.vault.sync(),
  (device) => device.vault.rotate(),
  (device) => device.vault.records('memory').delete('b'),
  (device) => device.vault.sync(),
];

async function powerLost(device: Device, storage: WatchedStorage): Promise<Device> {
  storage.failAt = undefined;
  await device.vault.close();
  const engine = await openEngine(device.context, device.vault.scope.vault);
  return { vault: await DeviceVault.over(device.context, engine), context: device.context };
}

/** Runs all steps, with one failure. @returns number of writes; whether the failure happened */
async function run(failAt: WatchedStorage['failAt']): Promise<{ writes: number; hasFailed: boolean }> {
  const service = new FakeDeviceService();
  const storage = watchedStorage();
  let device = await firstDevice(service, storage);
  const other = await anotherDevice(service, device);
  storage.writes = 0;
  storage.failAt = failAt;
  let hasFailed = false;
  for (const step of steps) {
    try {
      await step(device, other, service);
    } catch (error) {
      expect(error).toMatchObject({ code: 'storage_failed' });
      hasFailed = true;
      // It says so until it is opened again.
      await expect(device.vault.sync()).rejects.toMatchObject({ code: 'storage_failed' });
      device = await powerLost(device, storage);
      await step(device, other, service);
    }
  }
  const { writes } = storage;
  await device.vault.sync();
  await other.vault.sync();
  expect(await dataAt('a', 'memory', device, other)).toEqual({ text: 'two', by: 'other' });
  expect(await dataAt('t', 'todo', device, other)).toEqual({ title: 'y', done: true });
  expect(await dataAt('p', 'provider', device, other)).toEqual({ key: 'base' });
  expect(await dataAt('b', 'memory', device, other)).toBeUndefined();
  expect(await device.vault.sync()).toMatchObject({ queued: 0, conflicts: [], pulled: 0, pushed: 0 });
  expect(device.vault.headCode()).toEqual(other.vault.headCode());
  // The log is one that a device without any history accepts, and opens.
  const served = servedBy(service, device.vault.engine);
  let state = initialState(device.vault.scope);
  for (const { entry } of served.log) {
    const outcome = await applyEntry(state, entry);
    if (outcome.result !== 'accept') expect.fail(outcome.reason);
    expect(outcome.voided).toEqual([]);
    state = outcome.state;
  }
  device = await powerLost(device, storage);
  expect(device.vault.engine.view.state).toMatchObject({ head: state.head, epoch: state.epoch });
  for (let epoch = 1; epoch <= state.epoch; epoch++) expect(device.vault.engine.view.key(epoch)).toBeDefined();
  await device.vault.engine.pull(settingsOf(device.context));
  return { writes, hasFailed };
}

test('power is lost before and after each write', async () => {
  const { writes } = await run(undefined);
  expect(writes).toBeGreaterThan(20);
  for (let write = 1; write <= writes; write++) {
    for (const when of ['before', 'after'] as const) {
      const { hasFailed } = await run({ write, when });
      expect([write, when, hasFailed]).toEqual([write, when, true]);
    }
  }
});

test('nothing is in clear in what is stored', async () => {
  const service = new FakeDeviceService();
  const storage = watchedStorage();
  const device = await firstDevice(service, storage);
  await put(device, 'a', { text: 'a plain secret' });
  await put(device, 'p', { key: 'a plain secret' }, 'provider');
  const other = await anotherDevice(service, device);
  await other.vault.sync();
  await offline(service, async () => {
    await put(device, 'a', { text: 'another plain secret' });
    await put(device, 'p', { key: 'mine, a plain secret' }, 'provider');
  });
  await put(other, 'p', { key: 'theirs, a plain secret' }, 'provider');
  expect((await device.vault.sync()).conflicts).toHaveLength(1);
  await device.vault.records('memory').search('secret');
  const umks = [1].map((epoch) => device.vault.engine.view.key(epoch)?.umk ?? expect.fail());
  expect(storage.items.size).toBeGreaterThan(10);
  for (const bytes of storage.items.values()) {
    const stored = Buffer.from(bytes);
    expect(stored.includes('plain secret')).toBe(false);
    for (const umk of umks) expect(stored.includes(Buffer.from(umk))).toBe(false);
    expect(stored.includes('anima:')).toBe(false);
  }
  // Names are those that the service sees anyway: types, ids and numbers.
  for (const name of storage.items.keys())
    expect(name).toMatch(
      /^(state|lamport|pending|(umk|wraps|entry)\/(\d{12}|join)|words\/\w+\/\d{12}|(record|queue)\/\w+:\w+|version\/\w+:\w+\/\d{12})$/,
    );
  // A box under another name does not open.
  const [one = '', two = ''] = [...storage.items.keys()].filter((name) => name.startsWith('entry/'));
  await device.vault.close();
  const data = await storage.data.open(device.vault.scope);
  await data.write({ puts: new Map([[one, storage.items.get(two) ?? expect.fail()]]), deletes: new Set() });
  await data.close();
  const engine = await openEngine(device.context, device.vault.scope.vault);
  await expect(engine.entry(1)).rejects.toMatchObject({ code: 'storage_damaged' });
});
