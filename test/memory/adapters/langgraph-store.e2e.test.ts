/** The store of LangGraph: the same operations give the same results as with LangGraph's own store in memory. */
import { setTimeout as wait } from 'node:timers/promises';
import { Embeddings } from '@langchain/core/embeddings';
import { type BaseStore, InMemoryStore, type Operation } from '@langchain/langgraph-checkpoint';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Anima } from '../../../sdk/src/index.ts';
import { AnimaStore } from '../../../sdk/src/langgraph/index.ts';
import { rejectionOf } from '../../sdk/fake-fetch.ts';
import { useLocalStack } from '../../shared/local-stack.ts';
import { userFactory } from './memory-user.ts';

const stack = useLocalStack();
let newUser: () => Promise<Anima>;
beforeAll(async () => {
  newUser = (await userFactory(stack)).client;
});

/** How often each letter occurs in a text. */
class LetterEmbeddings extends Embeddings {
  constructor() {
    super({});
  }
  async embedQuery(text: string): Promise<number[]> {
    const letters = text.toLowerCase().replaceAll(/[^a-z]/g, '');
    return Array.from({ length: 26 }, (_, at) => letters.split(String.fromCharCode(97 + at)).length - 1);
  }
  async embedDocuments(texts: string[]): Promise<number[][]> {
    return await Promise.all(texts.map(async (text) => await this.embedQuery(text)));
  }
}

/** The results of a scenario, without times. */
const resultsOf = async (store: BaseStore, run: (store: BaseStore) => Promise<unknown>) =>
  JSON.parse(
    JSON.stringify(await run(store), (name, value) => (/^(?:created|updated)At$/.test(name) ? 'time' : value)),
  );

async function expectSame(run: (store: BaseStore) => Promise<unknown>, options = {}): Promise<void> {
  const ours = await resultsOf(new AnimaStore((await newUser()).memory, options), run);
  expect(ours).toEqual(await resultsOf(new InMemoryStore(), run));
}

const people = [
  [['people', 'ada'], 'tea', { kind: 'drink', rank: 3, tags: ['a'], likes: true, note: null }],
  [['people', 'ada'], 'rain', { kind: 'weather', rank: 1, nested: { deep: ['é', { x: 1.5 }] } }],
  [['people', 'bob'], 'tea', { kind: 'drink', rank: 2, likes: false }],
  [['people', 'bob', 'work'], 'desk', { kind: 'place', rank: '2' }],
  [['places'], 'home', { kind: 'place' }],
] as const;

async function fill(store: BaseStore): Promise<void> {
  for (const [namespace, key, value] of people) {
    await store.put([...namespace], key, { ...value });
    // The order of items is the order of their creation.
    await wait(2);
  }
}

describe('the store', () => {
  test('puts, gets, replaces and deletes as the store in memory', async () => {
    await expectSame(async (store) => {
      await fill(store);
      await store.put(['people', 'ada'], 'tea', { kind: 'green' });
      await store.delete(['people', 'ada'], 'rain');
      await store.delete(['people', 'ada'], 'never there');
      return await Promise.all([
        store.get(['people', 'ada'], 'tea'),
        store.get(['people', 'ada'], 'rain'),
        store.get(['people', 'bob', 'work'], 'desk'),
        store.get(['people'], 'tea'),
        store.search(['people', 'ada']),
      ]);
    });
  });

  test.each([{}, { filterBy: ['kind', 'rank', 'tags', 'likes', 'note'] }])(
    'searches by prefixes, filters, limits and offsets as the store in memory, with %j',
    async (options) => {
      const searches: Parameters<BaseStore['search']>[] = [
        [[]],
        [['people']],
        [['people', 'b']],
        [['peopl']],
        [['people'], { filter: { kind: 'drink' } }],
        [['people'], { filter: { kind: { $eq: 'drink' } } }],
        [['people'], { filter: { kind: 'drink', rank: 2 } }],
        [['people'], { filter: { rank: { $gt: 1, $lte: 3 } } }],
        [['people'], { filter: { rank: { $gte: 2 }, kind: { $ne: 'place' } } }],
        [['people'], { filter: { rank: { $in: [1, '2'] } } }],
        [['people'], { filter: { kind: { $nin: ['drink'] } } }],
        [['people'], { filter: { tags: 'a' } }],
        [['people'], { filter: { likes: undefined } }],
        [['people'], { filter: { note: null } }],
        [['people'], { filter: { nested: { deep: 1 } } }],
        [[], { limit: 2 }],
        [[], { limit: 2, offset: 1 }],
        [[], { offset: 4 }],
        [[], { offset: 9 }],
        [['people'], { query: 'tea' }],
      ];
      await expectSame(async (store) => {
        await fill(store);
        return await Promise.all(searches.map(async (search) => await store.search(...search)));
      }, options);
    },
  );

  test.each([undefined, ['kind']])(
    'searches by meaning as the store in memory, with embeddings of the program, filtered by %j',
    async (filterBy) => {
      const index = { dims: 26, embeddings: new LetterEmbeddings(), fields: ['text', 'parts[*].text', 'rank'] };
      const items = [
        ['tea', { kind: 'a', text: 'green tea' }],
        ['coffee', { kind: 'b', text: 'black coffee' }],
        ['both', { kind: 'a', parts: [{ text: 'teapot' }, { text: 'coffee cup' }] }],
        ['rain', { kind: 'b', text: 'rain', rank: 3 }],
        ['bare', { kind: 'a' }],
      ] as const;
      const searches: Parameters<BaseStore['search']>[] = [
        [['n'], { query: 'tea' }],
        [['n'], { query: 'coffee', limit: 2 }],
        [['n'], { query: 'coffee', limit: 2, offset: 1 }],
        [['n'], { query: 'tea', filter: { kind: 'a' } }],
        [['n'], { query: 'tea', filter: { kind: { $ne: 'a' } }, limit: 1 }],
        [['n'], { query: 'tea', filter: { rank: { $gte: 3 } }, limit: 1 }],
        [['n'], { query: '' }],
        [['other'], { query: 'tea' }],
      ];
      const run = async (store: BaseStore) => {
        for (const [key, value] of items) {
          await store.put(['n'], key, { ...value });
          await wait(2);
        }
        await store.put(['n'], 'custom', { kind: 'c', name: 'tea tea', text: 'zzz' }, ['name']);
        await wait(2);
        await store.put(['n'], 'unindexed', { kind: 'c', text: 'tea' }, false);
        const found = await Promise.all(searches.map(async (search) => await store.search(...search)));
        // The store in memory calculates in 64-bit numbers.
        return found.map((some) => some.map(({ key, score }) => [key, score?.toFixed(5)]));
      };
      const ours = await run(new AnimaStore((await newUser()).memory, { index, filterBy }));
      expect(ours).toEqual(await run(new InMemoryStore({ index })));
    },
  );

  test('lists namespaces by prefix, suffix, depth and page as the store in memory', async () => {
    const lists: Parameters<BaseStore['listNamespaces']>[] = [
      [],
      [{ prefix: ['people'] }],
      [{ prefix: ['*', 'bob'] }],
      [{ suffix: ['work'] }],
      [{ prefix: ['people'], suffix: ['ada'] }],
      [{ maxDepth: 1 }],
      [{ maxDepth: 2, prefix: ['people'] }],
      [{ limit: 2 }],
      [{ limit: 2, offset: 1 }],
      [{ prefix: ['nothing'] }],
    ];
    await expectSame(async (store) => {
      await fill(store);
      return await Promise.all(lists.map(async (list) => await store.listNamespaces(...list)));
    });
  });

  test('runs a batch as the store in memory: reads see the state before, the last write counts', async () => {
    const operations: Operation[] = [
      { namespace: ['a'], key: 'k', value: { n: 2 } },
      { namespace: ['a'], key: 'gone' },
      { namespacePrefix: ['a'] },
      { namespace: ['a'], key: 'k', value: { n: 3 } },
      { namespace: ['a'], key: 'gone', value: null },
      { matchConditions: [{ matchType: 'prefix', path: ['a'] }], limit: 5, offset: 0 },
    ];
    await expectSame(async (store) => {
      await store.put(['a'], 'k', { n: 1 });
      await store.put(['a'], 'gone', { n: 1 });
      return [await store.batch(operations), await store.get(['a'], 'k'), await store.get(['a'], 'gone')];
    });
  });

  test('refuses the namespaces that the store in memory refuses, with the same errors', async () => {
    const stores = [new AnimaStore((await newUser()).memory), new InMemoryStore()];
    for (const namespace of [[], ['a.b'], ['a:b'], [''], ['langgraph', 'a']]) {
      const [ours, theirs] = await Promise.all(
        stores.map(async (store) => await rejectionOf(store.put(namespace, 'k', { n: 1 }))),
      );
      expect(ours).toMatchObject({ name: 'InvalidNamespaceError', message: (theirs as Error).message });
    }
  });

  test('keeps the time of creation, and changes the time of the update', async () => {
    const store = new AnimaStore((await newUser()).memory);
    await store.put(['a'], 'k', { n: 1 });
    const first = (await store.get(['a'], 'k')) ?? expect.fail('there is no item');
    await wait(5);
    await store.put(['a'], 'k', { n: 2 });
    const second = (await store.get(['a'], 'k')) ?? expect.fail('there is no item');
    expect(second.createdAt).toEqual(first.createdAt);
    expect(second.updatedAt.getTime()).toBeGreaterThan(first.updatedAt.getTime());
  });

  test('opens only items with the values of a filter, if it knows the members to filter by', async () => {
    const { memory } = await newUser();
    let opened = 0;
    const counted: typeof memory = Object.create(memory, {
      find: {
        value: (options: Parameters<typeof memory.find>[0]) =>
          memory.find({ ...options, onProgress: ({ searched }) => (opened = searched) }),
      },
      upsert: { value: memory.upsert.bind(memory) },
    });
    const store = new AnimaStore(counted, { filterBy: ['kind'] });
    const puts = Array.from({ length: 40 }, (_, n) => ({
      namespace: ['n'],
      key: `k${n}`,
      value: { kind: n % 20 === 0 ? 'rare' : 'common' },
    }));
    await store.batch(puts);
    expect(await store.search(['n'], { filter: { kind: 'rare' } })).toHaveLength(2);
    expect(opened).toBe(2);
  });

  test('refuses what does not fit, before anything is sent', async () => {
    const store = new AnimaStore((await newUser()).memory);
    const refused: [Promise<unknown>, string][] = [
      [store.put(['a'], 'k', { text: 'x'.repeat(65_536) }), 'record_too_large'],
      [store.put(['a'], 'k', { at: new Date() }), 'invalid_argument'],
      [store.put(['a'], '', { n: 1 }), 'invalid_argument'],
      [store.put(['a'], 'k'.repeat(257), { n: 1 }), 'invalid_argument'],
      [store.put(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'], 'k', { n: 1 }), 'invalid_argument'],
      [store.put(['a'.repeat(129)], 'k', { n: 1 }), 'invalid_argument'],
    ];
    for (const [call, code] of refused)
      expect(await rejectionOf(call)).toMatchObject({ code, message: expect.stringContaining('Nothing was sent') });
    expect(await store.search([])).toEqual([]);
    const { memory } = await newUser();
    for (const options of [{ filterby: ['a'] }, { filterBy: ['a.b'] }, { namespace: [] }])
      expect(() => new AnimaStore(memory, options)).toThrow(/Nothing was sent/);
  });

  test('of one root does not see the items of another', async () => {
    const { memory } = await newUser();
    const [one, two] = [new AnimaStore(memory), new AnimaStore(memory, { namespace: ['other'] })];
    await one.put(['a'], 'k', { n: 1 });
    expect([await two.get(['a'], 'k'), await two.search([]), await two.listNamespaces()]).toEqual([null, [], []]);
  });
});
