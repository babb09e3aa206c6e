/** The storage in a folder: crashes while writing, modes of files, and where the keys are. */
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Bytes } from '../../../core/encoding/bytes.ts';
import { utf8Bytes } from '../../../core/encoding/bytes.ts';
import { DeviceVault } from '../../../sdk/src/device/device-vault.ts';
import { nodeStorage, type OsKeyring } from '../../../sdk/src/device/node.ts';
import { openEngine } from '../../../sdk/src/device/open-vault.ts';
import { type DeviceStorage, scopeName, type VaultData } from '../../../sdk/src/device/storage/storage-ports.ts';
import { rejectionOf } from '../fake-fetch.ts';
import { FakeDeviceService } from './engine-fixtures.ts';
import { firstDevice, restarted } from './record-fixtures.ts';

const scope = { org: '0123456789abcdef', user: 'ghjkmnpqrstvwxyz', vault: 'va01va01va01va01' };
let folder: string;
let storage: DeviceStorage;
let opened: VaultData | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'device-'));
  storage = nodeStorage({ folder });
  opened = undefined;
});
afterEach(async () => {
  await opened?.close();
  rmSync(folder, { recursive: true });
});

const vaultFolder = () => join(folder, scopeName(scope));
const dataFile = () => join(vaultFolder(), 'data');
const open = async () => {
  await opened?.close();
  opened = await storage.data.open(scope);
  return opened;
};
const batch = (puts: Record<string, string>, deletes: string[] = []) => ({
  puts: new Map(Object.entries(puts).map(([name, text]) => [name, utf8Bytes(text)])),
  deletes: new Set(deletes),
});
const textOf = (bytes: Bytes | undefined) => bytes && new TextDecoder().decode(bytes);

test('items are stored, listed by prefix, replaced and deleted, also after it was opened again', async () => {
  let data = await open();
  await data.write(batch({ 'a/1': 'one', 'a/2': 'two', b: 'three' }));
  await data.write(batch({ 'a/1': 'four' }, ['b', 'absent']));
  for (let round = 0; round < 2; round++) {
    expect(await data.list('')).toEqual(['a/1', 'a/2']);
    expect(await data.list('a/2')).toEqual(['a/2']);
    expect([textOf(await data.get('a/1')), textOf(await data.get('a/2')), await data.get('b')]).toEqual([
      'four',
      'two',
      undefined,
    ]);
    data = await open();
  }
});

test('batches that are written at the same time are all there, each as a whole, also after it was opened again', async () => {
  let data = await open();
  const names = Array.from({ length: 40 }, (_, i) => `item/${String(i).padStart(2, '0')}`);
  await Promise.all(names.map((name, i) => data.write(batch({ [name]: 'x'.repeat(i + 1) }))));
  data = await open();
  expect(await data.list('item/')).toEqual(names);
  for (const [i, name] of names.entries()) expect(textOf(await data.get(name))).toBe('x'.repeat(i + 1));
});

test('files have the mode 0600 in a folder of 0700', async () => {
  await open();
  await storage.keys.create(scope);
  expect(statSync(vaultFolder()).mode & 0o777).toBe(0o700);
  const names = readdirSync(vaultFolder());
  expect(names.filter((name) => !name.startsWith('lock-')).sort()).toEqual(['data', 'device-keys', 'storage-key']);
  for (const name of names) expect(statSync(join(vaultFolder(), name)).mode & 0o777).toBe(0o600);
});

test('wherever writing ended, every confirmed batch is there and no other', async () => {
  const first = await open();
  await first.write(batch({ a: '1', b: '1' }));
  const confirmed = statSync(dataFile()).size;
  await first.write(batch({ a: '2', c: '2' }, ['b']));
  await first.close();
  opened = undefined;
  const whole = readFileSync(dataFile());
  for (let length = confirmed; length <= whole.length; length++) {
    // A shorter file, and a file of the whole length whose end was not written.
    for (const content of [
      whole.subarray(0, length),
      Buffer.concat([whole.subarray(0, length), Buffer.alloc(whole.length - length)]),
    ]) {
      writeFileSync(dataFile(), content);
      const data = await open();
      const isWhole = content.equals(whole);
      expect(await data.list('')).toEqual(isWhole ? ['a', 'c'] : ['a', 'b']);
      await data.write(batch({ d: '3' }));
      expect(textOf(await (await open()).get('d'))).toBe('3');
    }
  }
});

test('a change of any byte of a confirmed batch is found', async () => {
  const data = await open();
  await data.write(batch({ a: '1' }));
  const end = statSync(dataFile()).size;
  await data.write(batch({ b: '2' }));
  await data.close();
  opened = undefined;
  const whole = readFileSync(dataFile());
  for (let at = 0; at < end; at++) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] ?? 0) ^ 0x55;
    writeFileSync(dataFile(), changed);
    expect(await rejectionOf(storage.data.open(scope))).toMatchObject({ code: 'storage_damaged' });
  }
});

test('any sequence of batches and openings is the same as a map, and the file does not grow without end', async () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd');
  const step = fc.record({
    puts: fc.dictionary(
      name,
      fc.string({ maxLength: 8 }).map((text) => `x${text}`),
    ),
    deletes: fc.array(name),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
      await opened?.close();
      opened = undefined;
      await storage.data.delete(scope);
      const expected = new Map<string, string>();
      for (const { puts, deletes } of steps) {
        const removed = deletes.filter((one) => !Object.hasOwn(puts, one));
        await (await open()).write(batch(puts, removed));
        for (const [key, text] of Object.entries(puts)) expected.set(key, text);
        for (const key of removed) expected.delete(key);
      }
      const data = await open();
      const found = await Promise.all(
        (await data.list('')).map(async (key) => [key, textOf(await data.get(key))] as const),
      );
      expect(new Map(found)).toEqual(expected);
    }),
    { numRuns: 30 },
  );
  const data = await open();
  const large = 'x'.repeat(300_000);
  await data.write(batch({ kept: 'kept' }));
  for (let at = 0; at < 20; at++) await data.write(batch({ large: large + at }));
  expect(statSync(dataFile()).size).toBeLessThan(2_500_000);
  expect(readdirSync(vaultFolder())).not.toContain('data.new');
  const again = await open();
  expect([textOf(await again.get('kept')), textOf(await again.get('large'))]).toEqual(['kept', `${large}19`]);
});

test('a full disk is an error, and what was confirmed stays', async () => {
  const data = await open();
  await data.write(batch({ a: '1' }));
  const probe = await (await import('node:fs/promises')).open(dataFile());
  const sync = vi.spyOn(Object.getPrototypeOf(probe), 'sync').mockRejectedValue(new Error('ENOSPC'));
  await probe.close();
  expect(await rejectionOf(data.write(batch({ a: '2' })))).toMatchObject({ code: 'storage_failed' });
  sync.mockRestore();
  expect(textOf(await (await open()).get('a'))).toBe('1');
});

/** A key store that works, or fails in one way. */
function keyringOf(fails: 'never' | 'set' | 'get' | 'forgets' = 'never') {
  const secrets = new Map<string, Uint8Array>();
  const keyring: OsKeyring = {
    name: 'the test keyring',
    get: async (account) => {
      if (fails === 'get') throw new Error('locked');
      return secrets.get(account);
    },
    set: async (account, secret) => {
      if (fails === 'set') throw new Error('no secret service');
      if (fails !== 'forgets') secrets.set(account, secret.slice());
    },
    delete: async (account) => {
      secrets.delete(account);
    },
  };
  return { keyring, secrets };
}

test('the storage key is in the key store of the system if that works', async () => {
  const { keyring, secrets } = keyringOf();
  storage = nodeStorage({ folder, keyring });
  const { device } = await storage.keys.create(scope);
  expect([...secrets.keys()]).toEqual([scopeName(scope)]);
  expect(readdirSync(vaultFolder())).toEqual(['device-keys']);
  expect(await storage.keys.describe(scope)).toMatch(/encrypted under a key in the test keyring$/);
  const loaded = await nodeStorage({ folder, keyring }).keys.load(scope);
  expect(loaded?.device.id).toBe(device.id);
  expect(loaded?.device.ecdsa.privateKey.extractable).toBe(false);
  // Without the key store, the keys cannot be opened.
  expect(await rejectionOf(nodeStorage({ folder }).keys.load(scope))).toMatchObject({ code: 'keys_locked' });
  const locked = keyringOf('get').keyring;
  expect(await rejectionOf(nodeStorage({ folder, keyring: locked }).keys.load(scope))).toMatchObject({
    code: 'keys_locked',
  });
  const empty = keyringOf().keyring;
  expect(await rejectionOf(nodeStorage({ folder, keyring: empty }).keys.load(scope))).toMatchObject({
    code: 'storage_damaged',
  });
  await storage.keys.delete(scope);
  expect(secrets.size).toBe(0);
  expect(await storage.keys.load(scope)).toBeUndefined();
});

test.each(['set', 'get', 'forgets'] as const)(
  'a key store that fails (%s) is replaced by a file, and this is said',
  async (fails) => {
    storage = nodeStorage({ folder, keyring: keyringOf(fails).keyring });
    const { device } = await storage.keys.create(scope);
    expect(readdirSync(vaultFolder()).sort()).toEqual(['device-keys', 'storage-key']);
    expect(await storage.keys.describe(scope)).toMatch(/without a key store of the operating system/);
    expect((await nodeStorage({ folder }).keys.load(scope))?.device.id).toBe(device.id);
    vi.spyOn(process, 'platform', 'get').mockReturnValue('win32');
    expect(await nodeStorage({ folder }).keys.describe(scope)).toMatch(
      /On Windows the mode of a file protects nothing/,
    );
    vi.restoreAllMocks();
  },
);

test('keys of another vault, or altered ones, are not loaded', async () => {
  await storage.keys.create(scope);
  const path = join(vaultFolder(), 'device-keys');
  const whole = readFileSync(path);
  const altered = Buffer.from(whole);
  altered[20] = (altered[20] ?? 0) ^ 1;
  writeFileSync(path, altered);
  expect(await rejectionOf(storage.keys.load(scope))).toMatchObject({ code: 'storage_damaged' });
  writeFileSync(path, whole);
  truncateSync(join(vaultFolder(), 'storage-key'), 31);
  expect(await rejectionOf(storage.keys.load(scope))).toMatchObject({ code: 'storage_damaged' });
});

test('a vault works in a folder, also after a restart and a torn write; nothing of it is in clear', async () => {
  const service = new FakeDeviceService();
  let device = await firstDevice(service, storage);
  await device.vault.records('memory').put({ text: 'a plain secret' }, { id: 'm' });
  service.before = () => {
    throw new Error('offline');
  };
  await device.vault.records('memory').put({ text: 'another plain secret' }, { id: 'n' });
  const place = join(folder, scopeName(device.vault.scope));
  appendFileSync(join(place, 'data'), Buffer.from([0, 0, 1]));
  device = await restarted(device);
  expect(await device.vault.records('memory').get('m')).toMatchObject({ data: { text: 'a plain secret' } });
  expect(await device.vault.records('memory').get('n')).toMatchObject({ state: 'local' });
  for (const name of readdirSync(place)) expect(readFileSync(join(place, name)).includes('plain secret')).toBe(false);
  await device.vault.close();
});

test('a vault whose lock failed sends nothing once another program has written, and says so', async () => {
  const service = new FakeDeviceService();
  const device = await firstDevice(service, storage);
  const place = join(folder, scopeName(device.vault.scope));
  for (const name of readdirSync(place)) if (name.startsWith('lock-')) rmSync(join(place, name));
  const engine = await openEngine(device.context, device.vault.scope.vault);
  const other = await DeviceVault.over(device.context, engine);
  await other.records('memory').put({ text: 'of the other' }, { id: 'm' });
  const sent: string[] = [];
  service.before = ({ method, path }) => {
    if (method !== 'GET') sent.push(path);
    return undefined;
  };
  const lost = { code: 'vault_in_use' };
  expect(await rejectionOf(device.vault.records('memory').put({ text: 'lost' }, { id: 'n' }))).toMatchObject(lost);
  expect(await rejectionOf(device.vault.sync())).toMatchObject(lost);
  expect(sent).toEqual([]);
  await device.vault.close();
  expect(await other.records('memory').put({ text: 'later' }, { id: 'm' })).toMatchObject({ state: 'synced' });
  expect(await other.records('memory').get('n')).toBeUndefined();
  await other.close();
});

test('a platform without Node is refused', () => {
  const original = process.getBuiltinModule;
  Reflect.set(process, 'getBuiltinModule', () => undefined);
  try {
    expect(() => nodeStorage({ folder })).toThrow(/Node 20.16 or later/);
  } finally {
    process.getBuiltinModule = original;
  }
});
