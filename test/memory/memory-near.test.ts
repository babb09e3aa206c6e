/** Searches by vectors, with in-memory tables. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MemoryRecord, SearchMemoryRequest } from '../../contract/memory/wire.ts';
import { createInMemoryUserMemory } from './in-memory-user-records.ts';

type User = ReturnType<ReturnType<typeof createInMemoryUserMemory>['newUser']>;

const idsOf = (records: readonly MemoryRecord[]): string[] => records.map(({ id }) => id);

/** The nearest of all pages, as the SDK merges them. */
async function nearest(user: User, request: SearchMemoryRequest) {
  let [records, searched, cursor, pages]: [MemoryRecord[], number, string | undefined, number] = [[], 0, undefined, 0];
  do {
    const page = await user.find({ ...request, cursor });
    records = [...records, ...page.records].sort((a, b) => (b.similarity ?? 0) - (a.similarity ?? 0));
    searched += page.searched;
    cursor = page.cursor;
    pages++;
  } while (cursor !== undefined);
  return { records: records.slice(0, request.limit ?? 10), searched, pages };
}

/** The same by definition, in 64-bit numbers. */
function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, n, at) => sum + n * (y[at] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

describe('a search by a vector', () => {
  test('finds the records with the most similar vectors, in descending order, with their similarities', async () => {
    const ada = createInMemoryUserMemory().newUser();
    const vectors = { same: [2, 0, 0], close: [1, 0.2, 0], far: [0, 1, 0], opposite: [-1, 0, 0] };
    for (const [id, vector] of Object.entries(vectors)) await ada.put({ id, data: id, embeddings: [vector] });
    const { records } = await ada.find({ near: { vector: [1, 0, 0] } });
    expect(idsOf(records)).toEqual(['same', 'close', 'far', 'opposite']);
    for (const { id, similarity } of records)
      expect(similarity).toBeCloseTo(cosine([1, 0, 0], vectors[id as keyof typeof vectors]), 6);
    expect(idsOf((await ada.find({ near: { vector: [1, 0, 0] }, limit: 2 })).records)).toEqual(['same', 'close']);
    expect(idsOf((await ada.find({ near: { vector: [1, 0, 0], minSimilarity: 0.5 } })).records)).toEqual([
      'same',
      'close',
    ]);
  });

  test('ranks as the definition does, for any vectors, whatever the limit', async () => {
    const vector = fc.array(fc.float({ noNaN: true, min: -100, max: 100 }), { minLength: 5, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(vector, { minLength: 1, maxLength: 20 }),
        vector,
        fc.integer({ min: 1, max: 20 }),
        async (all, wanted, limit) => {
          const ada = createInMemoryUserMemory().newUser();
          for (const [n, one] of all.entries()) await ada.put({ id: `r${n}`, data: n, embeddings: [one] });
          const { records } = await ada.find({ near: { vector: wanted }, limit });
          const expected = all.map((one) => cosine(wanted, one) || 0).sort((a, b) => b - a);
          const found = records.map(({ similarity }) => similarity ?? Number.NaN);
          expect(found).toHaveLength(Math.min(limit, all.length));
          for (const [at, similarity] of found.entries()) expect(similarity).toBeCloseTo(expected[at] ?? 0, 4);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('takes the best of several vectors of a record, and skips records without one of as many dimensions', async () => {
    const ada = createInMemoryUserMemory().newUser();
    await ada.put({
      id: 'two',
      data: 1,
      embeddings: [
        [0, 1],
        [1, 0],
      ],
    });
    await ada.put({ id: 'one', data: 1, embeddings: [[1, 1]] });
    await ada.put({ id: 'other', data: 1, embeddings: [[1, 0, 0]] });
    await ada.put({ id: 'none', data: 1 });
    await ada.put({ id: 'zero', data: 1, embeddings: [[0, 0]] });
    const { records, searched } = await ada.find({ near: { vector: [1, 0] } });
    expect(idsOf(records)).toEqual(['two', 'one', 'zero']);
    expect(records[0]?.similarity).toBeCloseTo(1, 6);
    expect(searched).toBe(5);
  });

  test('meets the other conditions too, and opens only what namespace and filter select', async () => {
    const ada = createInMemoryUserMemory().newUser();
    for (let n = 0; n < 20; n++)
      await ada.put({
        ...{ id: `r${n}`, data: { kind: n % 4 === 0 ? 'rare' : 'common', text: `word${n % 8}` }, index: ['kind'] },
        ...{ namespace: [n < 10 ? 'a' : 'b'], embeddings: [[1, n]] },
      });
    const near = { vector: [1, 0] };
    const found = await ada.find({ near, namespace: ['a'], filter: { kind: 'rare' } });
    expect([idsOf(found.records), found.searched]).toEqual([['r0', 'r4', 'r8'], 3]);
    expect(idsOf((await ada.find({ near, namespace: ['a'], words: 'word0' })).records)).toEqual(['r0', 'r8']);
  });

  test('of 3,000 records of 1,536 dimensions opens all of them, and returns only the nearest', async () => {
    const { newUser, writing } = createInMemoryUserMemory();
    const ada = newUser();
    const user = await ada.open();
    const embedding = (n: number) => Array.from({ length: 1536 }, (_, at) => Math.sin(n * 0.001 + at));
    for (let n = 0; n < 3000; n++)
      await writing.add(user, { id: `r${String(n).padStart(4, '0')}`, data: { n }, embeddings: [embedding(n)] });
    const start = performance.now();
    const { records, searched, pages } = await nearest(ada, { near: { vector: embedding(1234) }, limit: 5 });
    const elapsed = performance.now() - start;
    expect(records[0]).toMatchObject({ id: 'r1234', data: { n: 1234 } });
    expect([records.length, searched, pages]).toEqual([5, 3000, 3]);
    expect(JSON.stringify(records)).not.toContain('embedding');
    // A guard against a comparison that is slower by an order of magnitude, on a busy machine.
    expect(elapsed).toBeLessThan(5_000);
  });

  test('ends a page before the nearest exceed a response, and loses none', async () => {
    const ada = createInMemoryUserMemory().newUser();
    const text = '"'.repeat(32_000);
    for (let n = 0; n < 60; n++)
      await ada.put({ id: `r${String(n).padStart(2, '0')}`, data: { n, text }, embeddings: [[1, 1 / (n + 1)]] });
    const { records, pages } = await nearest(ada, { near: { vector: [1, 0] }, limit: 55 });
    expect(records.map(({ data }) => Object(data).n)).toEqual(Array.from({ length: 55 }, (_, at) => 59 - at));
    expect(pages).toBeGreaterThan(1);
  });

  test('reports damaged records, and finds the others', async () => {
    const ada = createInMemoryUserMemory().newUser();
    for (const id of ['a', 'b', 'c']) await ada.put({ id, data: id, embeddings: [[1]] });
    ada.store({ ...ada.stored('b'), version: 7 });
    expect(await ada.find({ near: { vector: [1] } })).toMatchObject({
      records: [{ id: 'a' }, { id: 'c' }],
      searched: 2,
      damaged: ['b'],
    });
  });
});

describe('vectors of a record', () => {
  test('are sealed with it: neither their numbers nor a tag of them are in the item, and no response has them', async () => {
    const ada = createInMemoryUserMemory().newUser();
    const vector = [0.123456789, 0.25];
    await ada.put({ id: 'a', data: 1, embeddings: [vector] });
    const item = ada.stored('a');
    expect(
      Object.keys(item)
        .filter((name) => item[name as keyof typeof item] !== undefined)
        .sort(),
    ).toEqual([...['collection', 'data', 'id', 'version']]);
    const floats = Buffer.from(new Float32Array(vector).buffer).toString('base64');
    expect(JSON.stringify(item)).not.toContain(floats.slice(0, 8));
    expect(await ada.get('a')).not.toHaveProperty('embeddings');
    expect(JSON.stringify([await ada.list(), await ada.find({ near: { vector } })])).not.toContain('embedding');
  });

  test('belong to the data: a put without them and a replacement remove them', async () => {
    const ada = createInMemoryUserMemory().newUser();
    for (const write of [() => ada.put({ id: 'a', data: 2 }), () => ada.replace('a', 3)]) {
      await ada.put({ id: 'a', data: 1, embeddings: [[1]] });
      expect((await ada.find({ near: { vector: [1] } })).records).toHaveLength(1);
      await write();
      expect((await ada.find({ near: { vector: [1] } })).records).toEqual([]);
    }
  });

  test('make an addition another one', async () => {
    const { newUser, writing } = createInMemoryUserMemory();
    const ada = newUser();
    const add = async (embeddings?: number[][]) =>
      await writing.add(await ada.open(), { id: 'a', data: 1, embeddings });
    const first = await add([[1]]);
    expect(await add([[1]])).toEqual(first);
    await expect(add([[2]])).rejects.toMatchObject({ code: 'record_exists' });
    await expect(add()).rejects.toMatchObject({ code: 'record_exists' });
  });

  test('of more numbers than fit are refused, and so is a vector with a key', async () => {
    const ada = createInMemoryUserMemory().newUser();
    const embeddings = Array.from({ length: 5 }, () => Array.from({ length: 4096 }, () => 1));
    await expect(ada.put({ id: 'a', data: 1, embeddings })).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(ada.get('a')).rejects.toMatchObject({ code: 'record_not_found' });
    await expect(ada.find({ key: 'k', near: { vector: [1] } })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
