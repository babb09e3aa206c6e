import { describe, expect, test } from 'vitest';
import { ConflictError } from '../../sdk/src/index.ts';
import { useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();

describe('values', () => {
  test('set and get bring a string back byte for byte', async () => {
    const { vault } = stack.client;
    for (const value of ['sk_live_…', '', '"quoted"\n\t\\', '😀 ü \u0000\u0001\u2028', 'x'.repeat(65_536)]) {
      await vault.set('a/secret', value);
      expect(await vault.get('a/secret')).toBe(value);
    }
  });

  test('version, times and metadata come with the value, and earlier versions stay readable', async () => {
    const { vault } = stack.client;
    const first = await vault.set('versions/a', 'one', { metadata: { owner: 'team-a' } });
    await vault.set('versions/a', 'two', { expiresIn: 3600 });
    expect(first).toMatchObject({ name: 'versions/a', version: 1, metadata: { owner: 'team-a' } });
    expect(await vault.getWithInfo('versions/a', { version: 1 })).toEqual({ ...first, value: 'one' });
    const versions = await vault.versions('versions/a');
    expect(versions.map((v) => v.version)).toEqual([2, 1]);
    expect(Date.parse(versions[0]?.expiresAt ?? '')).toBeGreaterThan(Date.now() + 3_500_000);
    await expect(vault.get('versions/a', { version: 3 })).rejects.toMatchObject({ code: 'version_not_found' });
  });

  test('names are listed by prefix over pages, each once', async () => {
    const { vault } = stack.client;
    const names = Array.from({ length: 25 }, (_, n) => `list/item-${String(n).padStart(2, '0')}`);
    await vault.setMany(Object.fromEntries(names.map((name) => [name, 'x'])));
    await vault.set('listen', 'x');
    const seen: string[] = [];
    for await (const { name } of vault.list({ prefix: 'list/', pageSize: 4 })) seen.push(name);
    expect(seen).toEqual(names);
  });

  test('a deleted name is free at once', async () => {
    const { vault } = stack.client;
    await vault.set('gone', 'x');
    expect(await vault.delete('gone')).toBe(true);
    await expect(vault.get('gone')).rejects.toMatchObject({ code: 'value_not_found' });
    expect(await vault.delete('gone')).toBe(false);
    expect(await vault.set('gone', 'y', { ifVersion: 0 })).toMatchObject({ version: 1 });
    await expect(vault.delete('gone', { ifVersion: 2 })).rejects.toMatchObject({
      code: 'version_conflict',
      currentVersion: 1,
    });
    expect(await vault.delete('gone', { ifVersion: 1 })).toBe(true);
  });

  test('an expired value can be read no more', async () => {
    const { vault } = stack.client;
    await vault.set('short', 'x', { expiresAt: new Date(Date.now() + 1500) });
    expect(await vault.get('short')).toBe('x');
    await expect.poll(() => vault.get('short').catch((error) => error.code), { timeout: 5000 }).toBe('value_expired');
  });

  test('batches bring a result for each item, failures included', async () => {
    const { vault } = stack.client;
    const names = Array.from({ length: 150 }, (_, n) => `batch/${n}`);
    const set = await vault.setMany(names.map((name) => ({ name, value: `value of ${name}` })));
    expect(set.failed).toEqual([]);
    const got = await vault.getMany([...names, 'batch/missing']);
    expect(got.size).toBe(151);
    expect(got.failed.map((item) => [item.name, item.error.code])).toEqual([['batch/missing', 'value_not_found']]);
    for (const name of names) expect(got.get(name).value).toBe(`value of ${name}`);
    const again = await vault.setMany([
      { name: 'batch/0', value: 'x', ifVersion: 7 },
      { name: 'batch/1', value: 'x' },
    ]);
    expect(again.failed.map((item) => [item.name, item.error.code])).toEqual([['batch/0', 'version_conflict']]);
    expect(again.failed[0]?.error).toMatchObject({ currentVersion: 1 });
  });

  test('a batch larger than one reply of Lambda arrives whole', async () => {
    const { vault } = stack.client;
    const entries = Array.from({ length: 90 }, (_, n) => ({
      name: `large/${n}`,
      value: String(n).padEnd(65_536, '"'),
    }));
    expect((await vault.setMany(entries)).failed).toEqual([]);
    const got = await vault.getMany(entries.map(({ name }) => name));
    for (const { name, value } of entries) expect(got.get(name).value === value, name).toBe(true);
  });
});

describe('many writers of one name', () => {
  test('of 50 parallel compare-and-sets exactly one wins each version, and none is lost', async () => {
    const { vault } = stack.client;
    for (const version of [0, 1, 2]) {
      const tries = await Promise.allSettled(
        Array.from({ length: 50 }, (_, n) => vault.set('cas', `writer ${n} of ${version}`, { ifVersion: version })),
      );
      const won = tries.flatMap((result, n) => (result.status === 'fulfilled' ? [n] : []));
      expect(won).toHaveLength(1);
      expect(await vault.get('cas')).toBe(`writer ${won[0]} of ${version}`);
      for (const result of tries) {
        if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(ConflictError);
      }
    }
    expect((await vault.versions('cas')).map((v) => v.version)).toEqual([3, 2, 1]);
  });

  test('parallel sets without a condition all succeed, each with a version of its own', async () => {
    const { vault } = stack.client;
    const versions = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => (await vault.set('busy', `${n}`)).version),
    );
    expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  });
});
