import { describe, expect, test } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import { createInMemoryVault, errorCodeOf } from '../shared/in-memory-stores.ts';

const writeId = 'write-0123456789abcdef';

describe('set', () => {
  test('versions count 1, 2, 3 and the newest is current', async () => {
    const vault = createInMemoryVault();
    for (const n of [1, 2, 3]) expect((await vault.set('a', `v${n}`)).version).toBe(n);
    expect(await vault.get('a')).toMatchObject({ version: 3, value: 'v3' });
    expect(await vault.get('a', 1)).toMatchObject({ version: 1, value: 'v1' });
  });

  test('the same write sent again stores nothing and returns what the first stored', async () => {
    const vault = createInMemoryVault();
    const first = await vault.set('a', 'x', { writeId, metadata: { k: 'v' } });
    await vault.set('a', 'y');
    vault.time.now = new Date('2026-06-01T13:00:00.000Z');
    expect(await vault.set('a', 'x', { writeId, metadata: { k: 'v' } })).toEqual(first);
    expect((await vault.get('a')).value).toBe('y');
    expect((await vault.versions('a')).versions).toHaveLength(2);
  });

  test('a compare-and-set sent again after a lost reply succeeds although the version has moved on', async () => {
    const vault = createInMemoryVault();
    await vault.set('a', 'x', { writeId, ifVersion: 0 });
    expect(await vault.set('a', 'x', { writeId, ifVersion: 0 })).toMatchObject({ version: 1 });
  });

  test('a write id used for another value, metadata or expiry is refused and changes nothing', async () => {
    const vault = createInMemoryVault();
    await vault.set('a', 'x', { writeId });
    expect(await errorCodeOf(vault.set('a', 'other', { writeId }))).toBe('write_id_reused');
    expect(await errorCodeOf(vault.set('a', 'x', { writeId, metadata: { k: 'v' } }))).toBe('write_id_reused');
    expect(await errorCodeOf(vault.set('a', 'x', { writeId, expiresAt: '2027-01-01T00:00:00Z' }))).toBe(
      'write_id_reused',
    );
    expect(await vault.get('a')).toMatchObject({ version: 1, value: 'x', metadata: {} });
  });

  test("a write whose reply was lost between the vault and its table is recognised as the vault's own", async () => {
    const vault = createInMemoryVault();
    vault.stores.writeOutcomes = ['lost'];
    expect(await vault.set('a', 'x')).toMatchObject({ version: 1 });
    vault.stores.writeOutcomes = ['lost'];
    expect(await vault.set('a', 'y', { ifVersion: 1 })).toMatchObject({ version: 2 });
    expect((await vault.versions('a')).versions).toHaveLength(2);
  });

  test('another writer coming between is retried without a condition and refused with one', async () => {
    const vault = createInMemoryVault();
    await vault.set('a', 'x');
    vault.stores.beforePut = async () => void (await vault.set('a', 'theirs'));
    expect(await vault.set('a', 'mine')).toMatchObject({ version: 3 });
    vault.stores.beforePut = async () => void (await vault.set('a', 'theirs'));
    expect(await errorCodeOf(vault.set('a', 'mine', { ifVersion: 3 }))).toBe('version_conflict');
    expect((await vault.get('a')).value).toBe('theirs');
  });

  test('a value that was deleted and made again is not mistaken for the one that was read', async () => {
    const vault = createInMemoryVault();
    await vault.set('a', 'old');
    vault.stores.beforePut = async () => {
      await vault.delete('a');
      await vault.set('a', 'new');
    };
    expect(await vault.set('a', 'mine')).toMatchObject({ version: 2 });
    expect((await vault.get('a', 1)).value).toBe('new');
  });

  test('a table that fails gives a retryable error and stores nothing', async () => {
    const vault = createInMemoryVault();
    vault.stores.writeOutcomes = ['refused'];
    expect(await errorCodeOf(vault.set('a', 'x'))).toBe('unavailable');
    expect(vault.stores.items.size).toBe(0);
  });

  test('a name that never comes to rest is given up with a retryable error', async () => {
    const vault = createInMemoryVault();
    const always = async () => {
      vault.stores.items.set('a', { ...(vault.stores.items.get('a') ?? expect.fail()), info: crypto.randomUUID() });
      vault.stores.beforePut = always;
    };
    await vault.set('a', 'x');
    vault.stores.beforePut = always;
    expect(await errorCodeOf(vault.set('a', 'y'))).toBe('write_contention');
  });

  test('64 KiB of UTF-8 is stored, one byte more is refused', async () => {
    const vault = createInMemoryVault();
    const full = 'é'.repeat(limits.valueBytes / 2);
    await vault.set('a', full);
    expect((await vault.get('a')).value).toBe(full);
    expect(await errorCodeOf(vault.set('a', `${full}x`))).toBe('value_too_large');
  });

  test('history keeps ten versions, of values of any size', async () => {
    const vault = createInMemoryVault();
    for (let n = 1; n <= 12; n++) await vault.set('small', `v${n}`);
    expect((await vault.versions('small')).versions.map((v) => v.version)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
    expect(await errorCodeOf(vault.get('small', 2))).toBe('version_not_found');
    for (let n = 1; n <= 11; n++) await vault.set('large', 'x'.repeat(limits.valueBytes));
    expect((await vault.versions('large')).versions.map((v) => v.version)).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    // Each version is an item of its own, and DynamoDB limits an item to 400 KB.
    for (const item of vault.stores.items.values()) expect(JSON.stringify(item).length).toBeLessThan(100_000);
  });

  test.each([
    '',
    '/',
    'a//b',
    '/a',
    'a/',
    '..',
    'a/../b',
    '.',
    'a b',
    'a\u0000',
    'é',
    'x'.repeat(257),
    'a%2fb',
    'a\\b',
  ])('the name %j is refused', async (name) => {
    const vault = createInMemoryVault();
    expect(await errorCodeOf(vault.set(name, 'x'))).toBe('invalid_name');
    expect(await errorCodeOf(vault.get(name))).toBe('invalid_name');
    expect(await errorCodeOf(vault.delete(name))).toBe('invalid_name');
  });
});

describe('the first DEK', () => {
  test('is made by the first set, once, however many sets are first', async () => {
    const vault = createInMemoryVault();
    const instances = Array.from({ length: 5 }, vault.instance);
    await Promise.all(instances.map((instance, n) => instance.set(`name-${n}`, `value ${n}`)));
    expect(vault.stores.keyring).toMatchObject({ activeVersion: 1, generation: 2 });
    for (let n = 0; n < 5; n++) expect((await vault.get(`name-${n}`)).value).toBe(`value ${n}`);
  });

  test('is stored before it is used: KMS failing leaves no keyring and no value behind', async () => {
    const vault = createInMemoryVault();
    vault.kek.fail = true;
    expect(await errorCodeOf(vault.set('a', 'x'))).toBe('unavailable');
    expect(vault.stores.keyring).toMatchObject({ activeVersion: 0, generation: 1 });
    vault.kek.fail = false;
    expect(await vault.set('a', 'x')).toMatchObject({ version: 1 });
  });
});

describe('delete', () => {
  test('frees the name at once, with its history', async () => {
    const vault = createInMemoryVault();
    await vault.set('a', 'x');
    await vault.set('a', 'y');
    expect(await vault.delete('a')).toEqual({ deleted: true });
    expect(await errorCodeOf(vault.get('a'))).toBe('value_not_found');
    expect(await vault.delete('a')).toEqual({ deleted: false });
    expect(await vault.set('a', 'z')).toMatchObject({ version: 1 });
    expect(await errorCodeOf(vault.get('a', 2))).toBe('version_not_found');
  });

  test('with a version deletes that version only', async () => {
    const vault = createInMemoryVault();
    await vault.set('a', 'x');
    expect(await errorCodeOf(vault.delete('a', 2))).toBe('version_conflict');
    vault.stores.beforePut = async () => void (await vault.set('a', 'theirs'));
    expect(await errorCodeOf(vault.delete('a', 1))).toBe('version_conflict');
    expect((await vault.get('a')).value).toBe('theirs');
    vault.stores.writeOutcomes = ['lost'];
    expect(await vault.delete('a', 2)).toEqual({ deleted: true });
  });

  test('needs no key, so what is damaged can be deleted', async () => {
    const vault = createInMemoryVault();
    await vault.set('a', 'x');
    vault.stores.items.set('a', {
      ...(vault.stores.items.get('a') ?? expect.fail()),
      value: 'damaged',
      info: 'damaged',
    });
    vault.kek.fail = true;
    expect(await vault.delete('a')).toEqual({ deleted: true });
  });
});
