/** The lock of a folder: other objects, processes and places, and locks whose holder is gone. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { nodeStorage } from '../../../sdk/src/device/node.ts';
import { type NodeModules, nodeModules } from '../../../sdk/src/device/node-storage/node-modules.ts';
import { processPlace } from '../../../sdk/src/device/node-storage/process-place.ts';
import { rejectionOf } from '../fake-fetch.ts';
import { locksIn, scope, VaultFolder } from './folder-fixtures.ts';

const otherPlace = 'f'.repeat(16);
const inUse = expect.objectContaining({ code: 'vault_in_use' });
const endsByItself = expect.objectContaining({
  code: 'vault_in_use',
  message: expect.stringMatching(/another container.*ends by itself within a minute/),
});
let vault: VaultFolder;
beforeEach(() => {
  vault = new VaultFolder();
  mkdirSync(vault.folder);
});
afterEach(async () => {
  vi.useRealTimers();
  await vault.delete();
});

/** The lock of a process, which it wrote some seconds ago. */
function lockOf(place: string, pid: number | undefined, secondsAgo = 0): string {
  const path = join(vault.folder, `lock-${place}-${pid}-00`);
  writeFileSync(path, '');
  const time = statSync(path).mtimeMs / 1000 - secondsAgo;
  utimesSync(path, time, time);
  return path;
}

const ownPlace = () => processPlace(nodeModules());

test('one writer: another object, another process, and a process that is gone', async () => {
  const storage = nodeStorage({ folder: vault.root });
  const data = await storage.data.open(scope);
  expect(await rejectionOf(storage.data.open(scope))).toEqual(inUse);
  expect(await rejectionOf(vault.open())).toEqual(inUse);
  // Another vault has another lock.
  await (await storage.data.open({ ...scope, vault: 'va02va02va02va02' })).close();
  await data.close();
  expect(locksIn(vault.folder)).toEqual([]);
  const other = spawn('sleep', ['60']);
  lockOf(await ownPlace(), other.pid, 55);
  expect(await rejectionOf(vault.open())).toEqual(inUse);
  // Another process can have got the pid, for example after the machine was started again.
  lockOf(await ownPlace(), other.pid, 61);
  await (await vault.open()).close();
  other.kill();
  await once(other, 'exit');
  lockOf(await ownPlace(), other.pid);
  await vault.open();
  expect(locksIn(vault.folder)).toHaveLength(1);
});

test('of many that open at the same time, at most one gets in', async () => {
  const all = await Promise.allSettled(Array.from({ length: 8 }, () => vault.open()));
  const open = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  expect(open.length).toBeLessThanOrEqual(1);
  for (const one of open) await one.close();
  await (await vault.open()).close();
});

test('a lock of another place counts while it is renewed, also with the own pid, and ends after a minute without', async () => {
  // The clock of this machine decides nothing.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 86_400_000 });
  // A pid that no process here has, and the own one.
  for (const pid of [4_194_305, process.pid, 1]) {
    const path = lockOf(otherPlace, pid);
    expect(await rejectionOf(vault.open())).toEqual(endsByItself);
    lockOf(otherPlace, pid, 55);
    expect(await rejectionOf(vault.open())).toEqual(endsByItself);
    expect(locksIn(vault.folder)).toEqual([path.slice(vault.folder.length + 1)]);
    lockOf(otherPlace, pid, 61);
    await (await vault.open()).close();
    expect(locksIn(vault.folder)).toEqual([]);
    // Its clock was wrong.
    lockOf(otherPlace, pid, -86_400);
    await (await vault.open()).close();
    expect(locksIn(vault.folder)).toEqual([]);
  }
});

test('a lock with the own pid that is not of this module, as of a worker thread, counts while it is renewed', async () => {
  lockOf(await ownPlace(), process.pid);
  expect(await rejectionOf(vault.open())).toEqual(endsByItself);
  lockOf(await ownPlace(), process.pid, 61);
  await vault.open();
  expect(locksIn(vault.folder)).toHaveLength(1);
});

test('the holder renews its lock, and makes none anew that is gone', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const data = await vault.open();
  const path = join(vault.folder, locksIn(vault.folder)[0] ?? '');
  const written = statSync(path).mtimeMs;
  utimesSync(path, 1, 1);
  vi.advanceTimersByTime(20_000);
  await expect.poll(() => statSync(path).mtimeMs).toBeGreaterThanOrEqual(written);
  await data.close();
  expect(vi.getTimerCount()).toBe(0);
  const again = await vault.openTwice();
  await vault.openTwice();
  vi.advanceTimersByTime(20_000);
  await new Promise((done) => setTimeout(done, 50));
  expect(locksIn(vault.folder)).toHaveLength(1);
  await again.close();
});

test('a lock does not keep a process running', async () => {
  const module = resolve('sdk/src/device/node.ts');
  const script = `const { nodeStorage } = await import(${JSON.stringify(module)});
await nodeStorage({ folder: ${JSON.stringify(vault.root)} }).data.open(${JSON.stringify(scope)});`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { timeout: 20_000 });
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(locksIn(vault.folder)).toHaveLength(1);
  await vault.open();
});

test('a place is a machine, and on Linux also a boot and a namespace of pids', async () => {
  const placeOf = (host: string, namespace: string | undefined, boot = 'b', platform = 'linux') => {
    const files = {
      readlink: async () => namespace ?? Promise.reject(new Error('no /proc')),
      readFile: async () => new TextEncoder().encode(boot),
    };
    const system = { hostname: () => host };
    return processPlace({ files, system, process: { platform } } as unknown as NodeModules);
  };
  const first = await placeOf('a', 'pid:[1]');
  expect(first).toMatch(/^[0-9a-f]{16}$/);
  expect(await placeOf('a', 'pid:[1]')).toBe(first);
  const places = [
    ...[await placeOf('b', 'pid:[1]'), await placeOf('a', 'pid:[2]'), await placeOf('a', 'pid:[1]', 'c')],
    // Without /proc, no other process is known to see the same pids.
    ...[await placeOf('a', undefined), await placeOf('a', undefined)],
    await placeOf('a', undefined, 'b', 'darwin'),
  ];
  expect(new Set([first, ...places]).size).toBe(7);
  expect(await placeOf('a', undefined, 'b', 'darwin')).toBe(places.at(-1));
});
