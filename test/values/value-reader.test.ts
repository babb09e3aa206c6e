import { describe, expect, test } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import { encodeCursor } from '../../lambdas/shared/pagination-cursor.ts';
import { createInMemoryVault, errorCodeOf } from '../shared/in-memory-stores.ts';

const noon = '2026-06-01T12:00:00.000Z';

describe('expiry', () => {
  test('an expired value counts as absent: for get, list, history, batch and compare-and-set', async () => {
    const vault = createInMemoryVault();
    await vault.set('a', 'old');
    await vault.set('a', 'x', { expiresAt: '2026-06-01T14:00:00+01:00' });
    expect(await vault.get('a')).toMatchObject({ value: 'x', expiresAt: '2026-06-01T13:00:00.000Z', createdAt: noon });
    vault.time.now = new Date('2026-06-01T13:00:00.000Z');
    expect(await errorCodeOf(vault.get('a'))).toBe('value_expired');
    expect(await errorCodeOf(vault.get('a', 1))).toBe('value_expired');
    expect(await errorCodeOf(vault.versions('a'))).toBe('value_expired');
    expect(await vault.list()).toEqual({ values: [] });
    expect((await vault.getMany(['a'])).results).toMatchObject([{ ok: false, error: { code: 'value_expired' } }]);
    expect(await errorCodeOf(vault.set('a', 'y', { ifVersion: 2 }))).toBe('version_conflict');
    expect(await vault.set('a', 'y', { ifVersion: 0 })).toMatchObject({ version: 3 });
    expect((await vault.versions('a')).versions.map((v) => v.version)).toEqual([3, 1]);
    expect(await errorCodeOf(vault.get('a', 2))).toBe('value_expired');
  });

  test('is read from what is sealed, not from the attribute beside it', async () => {
    const vault = createInMemoryVault();
    await vault.set('a', 'x', { expiresAt: '2026-06-01T13:00:00Z' });
    const stored = vault.stores.stored('a');
    expect(stored.ttl).toBe(Date.parse('2026-06-01T13:00:00Z') / 1000);
    vault.stores.items.set('a', { ...stored, ttl: undefined });
    vault.time.now = new Date('2026-06-01T13:00:01.000Z');
    expect(await errorCodeOf(vault.get('a'))).toBe('value_expired');
  });

  test('in the past is refused', async () => {
    expect(await errorCodeOf(createInMemoryVault().set('a', 'x', { expiresAt: noon }))).toBe('invalid_request');
  });
});

describe('what lies in the table is not trusted', () => {
  const tampered: [string, (v: ReturnType<typeof createInMemoryVault>) => void][] = [
    ['the value of another name', (v) => void v.stores.items.set('a', { ...item(v, 'b'), name: 'a' })],
    [
      'an earlier version as the current one',
      (v) => void v.stores.items.set('a', { ...item(v, 'a'), ...earlier(v), version: 2 }),
    ],
    [
      'a value with the facts of another version',
      (v) => void v.stores.items.set('a', { ...item(v, 'a'), info: earlier(v).info }),
    ],
    ['facts in place of the value', (v) => void v.stores.items.set('a', { ...item(v, 'a'), value: item(v, 'a').info })],
    ['an impossible version', (v) => void v.stores.items.set('a', { ...item(v, 'a'), version: -1 })],
    ['plaintext', (v) => void v.stores.items.set('a', { ...item(v, 'a'), value: 'plaintext' })],
  ];
  const item = (v: ReturnType<typeof createInMemoryVault>, name: string) => v.stores.stored(name);
  const earlier = (v: ReturnType<typeof createInMemoryVault>) => v.stores.stored('#h/a#1');

  test.each(tampered)('%s does not open', async (_, tamper) => {
    const vault = createInMemoryVault();
    await vault.set('b', 'b');
    await vault.set('a', 'a1');
    await vault.set('a', 'a2');
    tamper(vault);
    expect(await errorCodeOf(vault.get('a'))).toBe('decryption_failed');
    expect((await vault.getMany(['b', 'a'])).results).toMatchObject([
      { name: 'b', ok: true },
      { name: 'a', ok: false, error: { code: 'decryption_failed' } },
    ]);
  });

  test('a value of another org does not open', async () => {
    const [mine, theirs] = [createInMemoryVault(), createInMemoryVault()];
    await mine.set('a', 'mine');
    await theirs.set('a', 'theirs');
    mine.stores.items.set('a', theirs.stores.items.get('a') ?? expect.fail());
    expect(await errorCodeOf(mine.get('a'))).toBe('decryption_failed');
    theirs.stores.keyring = { ...mine.stores.keyring, org: theirs.caller.org };
    expect(await errorCodeOf(theirs.get('a'))).toBe('decryption_failed');
  });

  test('a changed keyring stops a warm function from the next request on', async () => {
    const vault = createInMemoryVault();
    await vault.set('a', 'x');
    await vault.get('a');
    vault.stores.keyring = { ...vault.stores.keyring, createdAt: '2020-01-01T00:00:00.000Z' };
    expect(await errorCodeOf(vault.get('a'))).toBe('decryption_failed');
    vault.stores.keyring = {};
    expect(await errorCodeOf(vault.get('a'))).toBe('decryption_failed');
  });
});

describe('unwrapped DEKs', () => {
  test('are asked of KMS once, then again after five minutes', async () => {
    const vault = createInMemoryVault();
    await vault.set('a', 'x');
    const reader = vault.instance();
    vault.kek.calls.length = 0;
    await Promise.all([reader.get('a'), reader.get('a')]);
    await reader.get('a');
    expect(vault.kek.calls).toEqual(['unwrap']);
    vault.time.now = new Date('2026-06-01T12:05:00.000Z');
    await reader.get('a');
    expect(vault.kek.calls).toEqual(['unwrap', 'unwrap']);
  });

  test('that could not be fetched are asked for again', async () => {
    const vault = createInMemoryVault();
    await vault.set('a', 'x');
    const reader = vault.instance();
    vault.kek.fail = true;
    expect(await errorCodeOf(reader.get('a'))).toBe('unavailable');
    vault.kek.fail = false;
    expect((await reader.get('a')).value).toBe('x');
  });
});

describe('list', () => {
  const names = ['prod', 'prod/a', 'prod/b', 'prod/c', 'production/x', 'test/a'];
  const filled = async () => {
    const vault = createInMemoryVault();
    for (const name of names) await vault.set(name, 'x', { metadata: { of: name } });
    return vault;
  };

  test('gives names and metadata by prefix, never values', async () => {
    const vault = await filled();
    const { values } = await vault.list({ prefix: 'prod/' });
    expect(values.map((v) => v.name)).toEqual(['prod/a', 'prod/b', 'prod/c']);
    expect(values[0]).toEqual({ name: 'prod/a', version: 1, createdAt: noon, metadata: { of: 'prod/a' } });
    expect((await vault.list({ prefix: 'prod' })).values).toHaveLength(5);
  });

  test('pages by cursor reach each name once', async () => {
    const vault = await filled();
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await vault.list({ limit: 2, cursor });
      seen.push(...page.values.map((v) => v.name));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(names);
  });

  test('leaves reserved names out for a key without a part in them, by pages that still reach all others, and whose cursors tell none', async () => {
    const vault = createInMemoryVault();
    const reserved = ['channels/slack', 'channels/twilio', 'channels/whatsapp', 'channels/z/z'];
    const others = ['a', 'channels', 'channels-x', 'channelsx', 'd'];
    for (const name of [...reserved, ...others]) await vault.set(name, 'x');
    for (const [prefix, limit] of [
      ['', 1],
      ['', 2],
      ['', 3],
      ['', 4],
      ['', 100],
      ['c', 2],
    ] as const) {
      const seen: string[] = [];
      for (let cursor: string | undefined, page = 0; page === 0 || (cursor !== undefined && page < 20); page++) {
        const { values, cursor: next } = await vault.list({ prefix, limit, cursor });
        seen.push(...values.map(({ name }) => name));
        const told = Buffer.from(next ?? '', 'base64url').toString();
        for (const name of reserved) expect(told).not.toContain(name);
        cursor = next;
      }
      expect(seen, `${prefix} ${limit}`).toEqual(others.filter((name) => name.startsWith(prefix)));
    }
    const { values } = await vault.listAs({ ...vault.caller, reserved: true });
    expect(values.map(({ name }) => name).toSorted()).toEqual([...reserved, ...others].toSorted());
  });

  test('a cursor of another org, another prefix, or of nobody is refused', async () => {
    const [mine, theirs] = [await filled(), await filled()];
    const { cursor } = await mine.list({ limit: 2 });
    expect(await errorCodeOf(theirs.list({ cursor }))).toBe('invalid_cursor');
    expect(await errorCodeOf(mine.list({ cursor, prefix: 'prod/' }))).toBe('invalid_cursor');
    // The query ends at `~`, so a page can end there, at an item that the vault never writes.
    expect(await errorCodeOf(mine.list({ cursor: encodeCursor([mine.caller.org, 'values', ''], '~') }))).toBe(
      'no error',
    );
    const outsideNames = ['#h/prod/a#1', '~~', '\u00e9'].map((key) =>
      encodeCursor([mine.caller.org, 'values', ''], key),
    );
    for (const odd of ['x', 'AAAA', `${cursor}=`, '!', ...outsideNames]) {
      expect(await errorCodeOf(mine.list({ cursor: odd })), odd).toBe('invalid_cursor');
    }
    expect(await errorCodeOf(mine.list({ prefix: '../' }))).toBe('invalid_name');
  });

  test('goes on past items whose names the vault never writes, and leaves them out', async () => {
    const vault = await filled();
    for (const odd of ['prod/a\u0001', 'prod/a\u0002', 'prod/a b', 'test/\u00e9'])
      vault.stores.items.set(odd, { malformed: true, attributes: {} });
    const seen: string[] = [];
    for (let cursor: string | undefined, page = 0; page === 0 || (cursor !== undefined && page < 20); page++) {
      const { values, damaged, cursor: next } = await vault.list({ limit: 1, cursor });
      expect(damaged).toBeUndefined();
      seen.push(...values.map(({ name }) => name));
      cursor = next;
    }
    expect(seen).toEqual(names);
  });

  test('of an org without values is empty, without a call of KMS', async () => {
    const vault = createInMemoryVault();
    expect(await vault.list()).toEqual({ values: [] });
    expect(vault.kek.calls).toEqual([]);
  });
});

test('a batch reply that is full says so for each item that did not fit', async () => {
  const vault = createInMemoryVault();
  const names = Array.from({ length: 80 }, (_, n) => `large-${n}`);
  for (const name of names) await vault.set(name, '\u0001'.repeat(limits.valueBytes));
  const { results } = await vault.getMany(names);
  const fitted = results.filter((r) => r.ok);
  expect(fitted.length).toBeGreaterThan(5);
  expect(results.slice(fitted.length).every((r) => !r.ok && r.error.code === 'reply_full')).toBe(true);
  expect(Buffer.byteLength(JSON.stringify(JSON.stringify({ results })))).toBeLessThan(6_000_000);
});
