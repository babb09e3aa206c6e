/** Writing a user's memory: stored records, repeated requests, and refusals. */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { isTimeId } from '../../core/encoding/time-ordered-id.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import { maxReadAgeMs } from '../../lambdas/users/read-freshness.ts';
import { lockRecord } from '../records/in-memory-records.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { createInMemoryUserMemory } from './in-memory-user-records.ts';

const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);

describe('add', () => {
  test('any JSON comes back as it was, and nothing of it lies in the table', async () => {
    const user = createInMemoryUserMemory().newUser();
    const all: unknown[] = [null, true, 0, -1.5, 1e300, '', 'tea', '\ud800', '\u0000', [], {}, [[{ a: [null] }]]];
    all.push(JSON.parse('{"__proto__":{"x":1},"constructor":2}'), { 'a"b': 'ü 🍵', likes: 'green tea' });
    for (const [n, data] of all.entries()) {
      const info = await user.add(`r${n}`, data);
      expect(info).toEqual({ id: `r${n}`, version: 1, createdAt: info.createdAt, updatedAt: info.createdAt });
      expect((await user.get(`r${n}`)).data).toEqual(data);
    }
    expect(JSON.stringify(user.stored('r13'))).not.toMatch(/tea|likes/);
  });

  test('every JSON of a text comes back as JavaScript reads it', async () => {
    const user = createInMemoryUserMemory().newUser();
    let n = 0;
    const property = fc.asyncProperty(fc.json({ maxDepth: 6 }), async (text) => {
      const id = `j${++n}`;
      await user.add(id, JSON.parse(text));
      expect((await user.get(id)).data).toEqual(JSON.parse(JSON.stringify(JSON.parse(text))));
    });
    await fc.assert(property, { numRuns: 200 });
  });

  test('without an id it gets one that sorts by time; two such are two records', async () => {
    const user = createInMemoryUserMemory().newUser();
    const [one, two] = [await user.add(undefined, 'x'), await user.add(undefined, 'x')];
    expect([isTimeId(one.id), isTimeId(two.id)]).toEqual([true, true]);
    expect(one.id).not.toBe(two.id);
    expect((await user.list()).records).toHaveLength(2);
  });

  test('again with the same data, in whatever order of members: the same answer and nothing stored; other data: refused', async () => {
    const world = createInMemoryUserMemory();
    const user = world.newUser();
    const first = await user.add('tea', { a: 1, b: [-0, 2] });
    const stored = user.stored('tea');
    world.time.now = new Date('2026-06-02T00:00:00.000Z');
    expect(await user.add('tea', { b: [0, 2], a: 1 })).toEqual(first);
    for (const other of [{ a: 1, b: [2, 0] }, { a: 1 }, null]) {
      expect(await errorCodeOf(user.add('tea', other))).toBe('record_exists');
    }
    expect(user.stored('tea')).toBe(stored);
  });

  test('a write whose reply was lost is found again, also without an id of the caller', async () => {
    const world = createInMemoryUserMemory();
    const user = world.newUser();
    world.tables.fates = ['lost'];
    expect(await user.add(undefined, 'x')).toMatchObject({ version: 1 });
    world.tables.fates = ['refused'];
    expect(await errorCodeOf(user.add('y', 'y'))).toBe('unavailable');
    expect((await user.list()).records).toHaveLength(1);
  });

  test('an id that is damaged where it lies is not taken for the same', async () => {
    const user = createInMemoryUserMemory().newUser();
    await user.add('tea', 1);
    user.store({ ...user.stored('tea'), version: 2 });
    expect(await errorCodeOf(user.add('tea', 1))).toBe('decryption_failed');
  });

  test('too large, too deep, no JSON that would come back: refused, and nothing stored', async () => {
    const world = createInMemoryUserMemory();
    const user = world.newUser();
    // The JSON has two quotes around the text, and each umlaut takes two bytes.
    await user.add('most', 'ü'.repeat(limits.recordBytes / 2 - 1));
    expect(await errorCodeOf(user.add('more', 'ü'.repeat(limits.recordBytes / 2)))).toBe('record_too_large');
    await user.add('deep', nested(limits.recordDepth));
    const deeper = [nested(limits.recordDepth + 1), { a: nested(limits.recordDepth) }, nested(3_000)];
    deeper.push(JSON.parse('['.repeat(200_000) + ']'.repeat(200_000)));
    for (const data of [...deeper, undefined, JSON.parse('[1e999]'), { a: Number.NEGATIVE_INFINITY }]) {
      expect(await errorCodeOf(user.add('no', data))).toBe('invalid_request');
    }
    expect([...world.tables.items.keys()].map((key) => key.split('/').at(-1))).toEqual(['most', 'deep']);
  });

  test('many: each has its own result in the order sent; an id that stands twice is refused as a whole', async () => {
    const world = createInMemoryUserMemory();
    const user = world.newUser();
    await user.add('b', 'another');
    const items = [
      { id: 'a', data: 1 },
      { id: 'b', data: 2 },
      { data: 3 },
      { id: 'c', data: nested(101) },
      { id: 'd', data: 4 },
    ];
    const { results } = await world.writing.addMany(await user.open(), items);
    expect(results).toMatchObject([
      { id: 'a', ok: true, record: { id: 'a', version: 1 } },
      { id: 'b', ok: false, error: { code: 'record_exists' } },
      { ok: true },
      { id: 'c', ok: false, error: { code: 'invalid_request' } },
      { id: 'd', ok: true },
    ]);
    expect(await errorCodeOf(world.writing.addMany(await user.open(), [...items, { id: 'd', data: 4 }]))).toBe(
      'invalid_request',
    );
    const hundred = Array.from({ length: limits.batchItems }, (_, n) => ({ id: `n${n}`, data: n }));
    for (let time = 0; time < 2; time++) {
      const again = await world.writing.addMany(await user.open(), hundred);
      expect(again.results.every(({ ok }) => ok)).toBe(true);
    }
  });
});

describe('replace', () => {
  test('the next version, its time of making kept; only of a record that is there', async () => {
    const world = createInMemoryUserMemory();
    const user = world.newUser();
    const { createdAt } = await user.add('tea', 'green');
    world.time.now = new Date('2026-06-02T00:00:00.000Z');
    const updatedAt = world.time.now.toISOString();
    expect(await user.replace('tea', 'black')).toEqual({ id: 'tea', version: 2, createdAt, updatedAt });
    expect(await user.get('tea')).toEqual({ id: 'tea', version: 2, createdAt, updatedAt, data: 'black' });
    for (const id of ['coffee', '', '../tea', 'memory/tea', 'x'.repeat(129), '-tea']) {
      expect(await errorCodeOf(user.replace(id, 1))).toBe('record_not_found');
      expect(await errorCodeOf(user.get(id))).toBe('record_not_found');
      expect(await user.delete(id)).toEqual({ deleted: false });
    }
  });

  test('compare and set: at another version it is refused, with the version that is there', async () => {
    const user = createInMemoryUserMemory().newUser();
    await user.add('tea', 1);
    expect(await user.replace('tea', 2, { ifVersion: 1 })).toMatchObject({ version: 2 });
    await expect(user.replace('tea', 3, { ifVersion: 1 })).rejects.toMatchObject({
      code: 'version_conflict',
      extras: { currentVersion: 2 },
    });
    expect((await user.get('tea')).data).toBe(2);
  });

  test('sent again with its write id it stores nothing; with other data it is refused', async () => {
    const world = createInMemoryUserMemory();
    const user = world.newUser();
    await user.add('tea', 1);
    const once = { writeId: 'a-write-id-of-mine', ifVersion: 1 };
    const first = await user.replace('tea', 2, once);
    world.time.now = new Date('2026-06-02T00:00:00.000Z');
    expect(await user.replace('tea', 2, once)).toEqual(first);
    expect(await errorCodeOf(user.replace('tea', 3, once))).toBe('write_id_reused');
    expect(user.stored('tea').version).toBe(2);
  });

  test('a write whose reply was lost is not made twice, with or without a write id', async () => {
    const world = createInMemoryUserMemory();
    const user = world.newUser();
    await user.add('tea', 1);
    for (const options of [{}, { ifVersion: 2 }, { writeId: 'a-write-id-of-mine' }]) {
      world.tables.fates = ['lost'];
      const { version } = user.stored('tea');
      expect(await user.replace('tea', 2, options)).toMatchObject({ version: version + 1 });
      expect(user.stored('tea').version).toBe(version + 1);
    }
  });

  test('of writers that meet none is lost: each gets a version of its own', async () => {
    const user = createInMemoryUserMemory().newUser();
    await user.add('tea', 0);
    const versions = await Promise.all(Array.from({ length: 8 }, (_, n) => user.replace('tea', n + 1)));
    expect(versions.map(({ version }) => version).sort()).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('deleted and made again meanwhile, at the same version: the new one is not overwritten unseen', async () => {
    const world = createInMemoryUserMemory();
    const user = world.newUser();
    await user.add('tea', 'old');
    const other = await user.open('tea');
    await user.delete('tea');
    await user.add('tea', 'new');
    expect(await world.tables.put(user.owner, { ...user.stored('tea'), version: 2 }, other.records.get('tea'))).toBe(
      false,
    );
    world.tables.beforePut = () => user.delete('tea');
    expect(await errorCodeOf(user.replace('tea', 'mine'))).toBe('record_not_found');
  });
});

test('delete is done once and may be repeated; what is damaged can be deleted', async () => {
  const user = createInMemoryUserMemory().newUser();
  await user.add('tea', 1);
  user.store({ ...user.stored('tea'), data: 'enc:v1:broken' });
  expect(await user.delete('tea')).toEqual({ deleted: true });
  expect(await user.delete('tea')).toEqual({ deleted: false });
});

test('what is read again while a write is repeated is opened only if it came soon', async () => {
  const world = createInMemoryUserMemory();
  const user = world.newUser();
  await user.add('tea', 'first');
  const open = await user.open('tea');
  await user.replace('tea', 'other');
  const real = performance.now.bind(performance);
  let late = 0;
  const spy = vi.spyOn(performance, 'now').mockImplementation(() => real() + late);
  world.tables.beforeRead = () => {
    late += maxReadAgeMs;
  };
  world.tables.calls.splice(0);
  try {
    expect(await world.writing.replace(open, 'tea', { data: 'mine' })).toMatchObject({ version: 3 });
  } finally {
    spy.mockRestore();
  }
  expect(world.tables.calls).toEqual(['put', 'read', 'read', 'put']);
});

describe('a user who ends between the first try of a write and the second gets nothing stored', () => {
  type World = ReturnType<typeof createInMemoryUserMemory>;
  const ends: Record<string, readonly [(world: World, owner: UserRef) => void, string]> = {
    'the account is deleted': [({ tables }) => tables.keyrings.clear(), 'invalid_credential'],
    'the slot is removed': [
      ({ tables }, { org, user }) => {
        const record = tables.keyrings.get(`${org}/${user}`) as { slots: Record<string, unknown> };
        const [slot] = Object.values(record.slots);
        tables.keyrings.set(`${org}/${user}`, { ...record, slots: { [randomId()]: slot } });
      },
      'invalid_credential',
    ],
    'the org is gone': [({ tables }) => tables.orgs.clear(), 'invalid_credential'],
    'the org is locked': [
      ({ tables }, { org }) => {
        const lock = { shredAt: '2026-07-01T00:00:00.000Z', requestedAt: '2026-06-01T00:00:00.000Z', by: randomId() };
        tables.orgs.set(org, lockRecord(org, tables.orgs.get(org), lock));
      },
      'org_locked',
    ],
  };

  test.each(Object.keys(ends))('%s', async (what) => {
    const [end, code] = ends[what] ?? expect.fail();
    for (const write of ['add', 'replace'] as const) {
      const world = createInMemoryUserMemory();
      const user = world.newUser();
      await user.add('tea', 'first');
      const open = await user.open('tea');
      await user.replace('tea', 'other');
      const there = user.stored('tea');
      world.tables.beforeRead = () => end(world, user.owner);
      const run = {
        add: () => world.writing.add(open, { id: 'tea', data: 'other' }),
        replace: () => world.writing.replace(open, 'tea', { data: 'mine' }),
      };
      expect(await errorCodeOf(run[write]())).toBe(code);
      expect(user.stored('tea')).toBe(there);
    }
  });
});
