import { beforeEach, describe, expect, test, vi } from 'vitest';
import { limits } from '../../../contract/shared/limits.ts';
import { isTimeId, timeOfTimeId } from '../../../core/encoding/time-ordered-id.ts';
import { type AddedMemory, AnimaError, type NewMemory } from '../../../sdk/src/index.ts';
import {
  clientOf,
  fakeFetch,
  json,
  problem,
  rejectionOf,
  type SentRequest,
  userClientOf,
  userKey,
} from '../fake-fetch.ts';
import { FakeMemoryService } from './fake-memory-service.ts';

// Removes the random delay of retries.
beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(0);
});

const time = '2026-11-21T03:00:00.000Z';
const recordInfo = (id: string) => ({ id, version: 1, createdAt: time, updatedAt: time });
const memory = (id: string) => ({ ...recordInfo(id), data: { about: id } });
/** Answers an add request like a vault. */
const added = ({ body }: SentRequest) => json(recordInfo(String(Reflect.get(Object(body), 'id'))), 201);

describe('add', () => {
  test('draws an id that sorts by time, and all attempts carry the same id and data', async () => {
    const { fetch, seen } = fakeFetch(problem('unavailable', {}, { 'retry-after': '0' }), new Error('reset'), added);
    const { id } = await userClientOf(fetch).memory.add({ likes: 'tea' });
    expect(isTimeId(id) && Math.abs(timeOfTimeId(id) - Date.now())).toBeLessThan(60_000);
    expect(seen.map(({ body }) => body)).toEqual(Array(3).fill({ id, data: { likes: 'tea' } }));
    expect(seen[0]?.headers.authorization).toBe(`Bearer ${userKey}`);
  });

  test('after a lost answer says how to make a call that can be repeated', async () => {
    const { memory } = userClientOf(fakeFetch(new Error('reset')).fetch, { maxRetries: 0 });
    expect(await rejectionOf(memory.add(1))).toMatchObject({ code: 'connection_failed', detail: /give an id/ });
    expect(await rejectionOf(memory.add(1, { id: 'a' }))).toMatchObject({ detail: /make the same call again/ });
  });

  const cycle: unknown[] = [];
  cycle.push(cycle);
  const deep = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
  test.each([
    ['nothing', undefined],
    ['a number that is none', { a: [Number.NaN] }],
    ['infinity', Number.POSITIVE_INFINITY],
    ['a date', { at: new Date(0) }],
    ['a map', new Map([['SECRET', 1]])],
    ['bytes', new Uint8Array(2)],
    [
      'an object of a class',
      new (class Tea {
        readonly name = 'SECRET';
      })(),
    ],
    ['a function', { a: () => 'SECRET' }],
    ['a big integer', 1n],
    ['a hole', new Array(2)],
    ['an undefined element', [undefined]],
    ['a cycle', cycle],
    ['101 levels', deep(101)],
    ['5,000 levels', deep(5000)],
    ['a member that JavaScript has a meaning for', JSON.parse('{"a":{"__proto__":"SECRET"}}')],
  ])('refuses %s, which JSON would change or lose, and sends nothing', async (_title, data) => {
    const { fetch, seen } = fakeFetch();
    const error = await rejectionOf(userClientOf(fetch).memory.add(data));
    expect(error).toMatchObject({ code: 'invalid_argument', detail: /must be JSON/ });
    expect(JSON.stringify(error)).not.toContain('SECRET');
    expect(seen).toEqual([]);
  });

  test.each([
    ['null', null],
    ['an empty text', ''],
    ['members that are undefined, which are left out', { a: undefined, b: [{}] }],
    ['an object without prototype', Object.assign(Object.create(null), { a: 1 })],
    ['100 levels', deep(100)],
    ['a text that is no Unicode', '\ud800'],
  ])('takes %s', async (_title, data) => {
    const { fetch, seen } = fakeFetch(added);
    await userClientOf(fetch).memory.add(data);
    expect(JSON.stringify(seen[0]?.body)).toContain(`"data":${JSON.stringify(data)}`);
  });

  test('64 KiB of JSON are taken, a byte more is not, whatever its characters', async () => {
    const { fetch, seen } = fakeFetch(added);
    const { memory } = userClientOf(fetch);
    const fits = 'é'.repeat(limits.recordBytes / 2 - 1);
    await memory.add(fits);
    expect(await rejectionOf(memory.add(`${fits}a`))).toMatchObject({
      code: 'record_too_large',
      name: 'InvalidRequestError',
    });
    expect(seen).toHaveLength(1);
  });

  test.each(['', '.', '..', '-a', 'a/b', 'a b', 'ä', 'x'.repeat(129), 7])('refuses the id %j', async (id) => {
    const { fetch, seen } = fakeFetch();
    const { memory } = userClientOf(fetch);
    const calls = [memory.add(1, { id: id as string }), memory.get(id as string)];
    for (const error of await Promise.all(calls.map(rejectionOf)))
      expect(error).toMatchObject({ code: 'invalid_argument' });
    expect(seen).toEqual([]);
  });

  test('deletes whatever a list may name, and refuses what a URL would lose', async () => {
    const { fetch, seen } = fakeFetch(json({ deleted: true }));
    const { memory } = userClientOf(fetch);
    for (const id of ['', '.', '..', '\ud800', 7]) {
      expect(await rejectionOf(memory.delete(id as string))).toMatchObject({ code: 'invalid_argument' });
    }
    expect(seen).toEqual([]);
    expect(await memory.delete('a/b c')).toBe(true);
    expect(seen[0]?.url).toMatch(/\/v1\/memory\/records\/a%2Fb%20c$/);
  });

  test('an answer about another record is none', async () => {
    const { memory: kept } = userClientOf(fakeFetch(json(memory('b'))).fetch);
    const calls = [kept.add(1, { id: 'a' }), kept.get('a'), kept.replace('a', 1)];
    for (const error of await Promise.all(calls.map(rejectionOf)))
      expect(error).toMatchObject({ code: 'unexpected_response' });
  });
});

describe('each kind of key', () => {
  test('of the organization is refused for memory, and a user key for values, before anything is sent', async () => {
    const { fetch, seen } = fakeFetch();
    const [org, user] = [clientOf(fetch), userClientOf(fetch)];
    for (const call of [
      () => org.memory.add(1),
      () => org.memory.list().toArray(),
      () => org.memory.search('a').toArray(),
      () => org.memory.messages().toArray(),
      () => org.memory.addMany([{ data: 1 }]),
      () => org.account.info(),
      () => org.account.changeKey(),
      () => user.vault.get('a'),
      () => user.vault.getMany(['a']),
      () => user.blobs.put(new Uint8Array(1)),
      () => user.org.get(),
      () => user.keys.list().toArray(),
      () => user.audit.query().toArray(),
      () => user.users.create(),
      () => user.account.logIn({ org: '0123456789abcdef', login: 'ada', password: 'x' }),
    ]) {
      expect(await rejectionOf(call())).toMatchObject({
        code: 'wrong_key_kind',
        name: 'AuthenticationError',
        status: undefined,
      });
    }
    expect(seen).toEqual([]);
  });
});

describe('addMany', () => {
  test('sends up to a hundred at a time, and takes no more of its source than one request carries', async () => {
    const vault = new FakeMemoryService();
    let taken = 0;
    let ahead = 0;
    async function* source(): AsyncGenerator<NewMemory> {
      for (; taken < 1234; taken++) {
        ahead = Math.max(ahead, taken - vault.records.size);
        yield { data: { n: taken } };
      }
    }
    const told: AddedMemory[] = [];
    const result = await userClientOf(vault.fetch).memory.addMany(source(), { onResult: (one) => told.push(one) });
    expect(result).toEqual({ added: 1234, failed: 0, failures: [] });
    expect(vault.batches.map(({ length }) => length)).toEqual([...Array(12).fill(100), 34]);
    expect(told.map(({ index }) => index)).toEqual(Array.from({ length: 1234 }, (_, i) => i));
    expect(ahead).toBeLessThanOrEqual(101);
    expect([...vault.records.values()]).toContainEqual({ n: 1233 });
  });

  test('keeps requests under their size, though a hundred of the largest records are over it', async () => {
    const vault = new FakeMemoryService();
    const items = Array.from({ length: 100 }, () => ({ data: '"'.repeat(32_000) }));
    expect(await userClientOf(vault.fetch).memory.addMany(items)).toMatchObject({ added: 100, failed: 0 });
    expect(vault.batches.length).toBeGreaterThan(2);
  });

  test('tells of each item what became of it, in order, and sends what is fit', async () => {
    const vault = new FakeMemoryService();
    vault.records.set('taken', 'other');
    const told: string[] = [];
    const shared = { n: 1 };
    function* items() {
      yield { id: 'a', data: shared };
      shared.n = 2;
      yield { id: 'b', data: shared };
      yield { id: 'taken', data: 1 };
      yield { id: '../x', data: 1 };
      yield { data: Number.NaN };
      yield 'text' as unknown as NewMemory;
      yield { id: 'a', data: { n: 1 } };
      yield { id: 'a', data: { n: 3 } };
    }
    const result = await userClientOf(vault.fetch).memory.addMany(items(), {
      onResult: (one) => told.push(`${one.index} ${one.ok ? one.record.id : `${one.id} ${one.error.code}`}`),
    });
    expect(told).toEqual([
      '0 a',
      '1 b',
      '2 taken record_exists',
      '3 ../x invalid_argument',
      expect.stringMatching(/^4 \S+ invalid_argument$/),
      '5 undefined invalid_argument',
      '6 a',
      '7 a record_exists',
    ]);
    expect(result).toMatchObject({ added: 3, failed: 5 });
    expect(result.failures).toHaveLength(5);
    // Permanently failed items are not sent again. A repeated ID is sent in the next request.
    expect(vault.batches).toEqual([['a', 'b', 'taken'], ['a'], ['a']]);
    expect(Object.fromEntries(vault.records)).toEqual({ a: { n: 1 }, b: { n: 2 }, taken: 'other' });
  });

  test('asks again for the items that may succeed later, and for those alone', async () => {
    const late = { ok: false, error: { code: 'write_contention', title: '' } };
    const done = (id: string) => ({ id, ok: true, record: recordInfo(id) });
    const { fetch, seen } = fakeFetch(
      json({ results: [done('a'), { id: 'b', ...late }] }),
      json({ results: [done('b')] }),
    );
    const result = await userClientOf(fetch).memory.addMany([
      { id: 'a', data: 1 },
      { id: 'b', data: 2 },
    ]);
    expect(result).toMatchObject({ added: 2, failed: 0 });
    expect(seen[1]?.body).toEqual({ items: [{ id: 'b', data: 2 }] });
  });

  test('a request that fails for good rejects, after what came before it was told', async () => {
    const vault = new FakeMemoryService();
    const fetch = async (...args: Parameters<typeof globalThis.fetch>) =>
      vault.batches.length === 2 ? problem('forbidden') : vault.fetch(...args);
    let told = 0;
    const items = Array.from({ length: 250 }, (_, data) => ({ data }));
    const error = await rejectionOf(userClientOf(fetch).memory.addMany(items, { onResult: () => told++ }));
    expect(error).toMatchObject({ code: 'forbidden' });
    expect(told).toBe(200);
  });

  test.each([
    ['too few', [{ id: 'a', ok: true, record: recordInfo('a') }]],
    ['those of others', ['b', 'a'].map((id) => ({ id, ok: true, record: recordInfo(id) }))],
  ])('an answer with %s results is none', async (_title, results) => {
    const { memory } = userClientOf(fakeFetch(json({ results })).fetch);
    const items = ['a', 'b'].map((id) => ({ id, data: 1 }));
    expect(await rejectionOf(memory.addMany(items))).toMatchObject({ code: 'unexpected_response' });
  });
});

describe('lists', () => {
  test('a search tells how far it is, goes on where nothing was found yet, and keeps its text out of addresses', async () => {
    const { fetch, seen } = fakeFetch(
      json({ records: [], searched: 1000, cursor: 'c1' }),
      json({ records: [memory('a')], searched: 900, cursor: 'c2' }),
      json({ records: [memory('b')], searched: 20 }),
    );
    const progress: number[] = [];
    const search = userClientOf(fetch).memory.search('Tea & milk', {
      onProgress: ({ searched }) => progress.push(searched),
    });
    expect((await search.toArray()).map(({ id, data }) => [id, data])).toEqual([
      ['a', { about: 'a' }],
      ['b', { about: 'b' }],
    ]);
    expect(progress).toEqual([1000, 1900, 1920]);
    expect(seen.map(({ body }) => body)).toEqual([
      { text: 'Tea & milk' },
      { text: 'Tea & milk', cursor: 'c1' },
      { text: 'Tea & milk', cursor: 'c2' },
    ]);
    for (const { url, method } of seen) expect(`${method} ${url}`).toBe('POST https://vault.test/v1/memory/search');
  });

  test('a search of nothing, or of too much, is refused', () => {
    const { memory } = userClientOf(fakeFetch().fetch);
    for (const text of ['', 'x'.repeat(257), '\ud800', 7 as unknown as string])
      expect(() => memory.search(text)).toThrow(AnimaError);
  });

  test('what could not be opened is named at the end, after all that could be', async () => {
    const answers = () => [
      json({ records: [memory('a')], damaged: ['b', 'c'], cursor: 'x' }),
      json({ records: [memory('d')], damaged: Array.from({ length: 11 }, (_, i) => `e${i}`) }),
    ];
    const given: string[] = [];
    const { memory: kept } = userClientOf(fakeFetch(...answers()).fetch);
    const error = await rejectionOf(
      (async () => {
        for await (const { id } of kept.list()) given.push(id);
      })(),
    );
    expect(given).toEqual(['a', 'd']);
    expect(error).toMatchObject({
      name: 'DecryptionError',
      code: 'decryption_failed',
      detail: /^b, c, e0.*e7 and 3 more/,
    });

    const told: string[] = [];
    const { memory: other } = userClientOf(fakeFetch(...answers()).fetch);
    const options = { onDamaged: (id: string) => told.push(id) };
    expect((await other.list(options).toArray()).map(({ id }) => id)).toEqual(['a', 'd']);
    expect(told).toHaveLength(13);
  });

  test('an export takes large pages, and gives records or lines', async () => {
    const { fetch, seen } = fakeFetch(json({ records: [memory('a'), memory('b')] }));
    const { memory: kept } = userClientOf(fetch);
    const lines: string[] = [];
    for await (const line of kept.export().lines()) lines.push(line);
    expect(lines.join('')).toBe((await kept.export().toArray()).map((one) => `${JSON.stringify(one)}\n`).join(''));
    expect(seen[0]?.url).toContain('limit=1000');
  });

  test('replace sends one write id with every attempt, and tells the version that is there', async () => {
    const { fetch, seen } = fakeFetch(new Error('reset'), problem('version_conflict', { currentVersion: 3 }));
    const error = await rejectionOf(userClientOf(fetch).memory.replace('a', { b: 1 }, { ifVersion: 2 }));
    expect(error).toMatchObject({ name: 'ConflictError', currentVersion: 3 });
    expect(seen[0]?.body).toEqual({ data: { b: 1 }, ifVersion: 2, writeId: expect.stringMatching(/^\w{32}$/) });
    expect(seen[1]?.body).toEqual(seen[0]?.body);
  });
});
