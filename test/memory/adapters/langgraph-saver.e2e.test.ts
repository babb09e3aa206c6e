/** The checkpointer of LangGraph beyond the tests of that project: size, several writers, branches, and what is stored. */
import { Annotation, Command, interrupt, StateGraph } from '@langchain/langgraph';
import { type BaseCheckpointSaver, emptyCheckpoint, MemorySaver, uuid6 } from '@langchain/langgraph-checkpoint';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Anima } from '../../../sdk/src/index.ts';
import { AnimaSaver } from '../../../sdk/src/langgraph/index.ts';
import { rejectionOf } from '../../sdk/fake-fetch.ts';
import { useLocalStack } from '../../shared/local-stack.ts';
import { userFactory } from './memory-user.ts';

const stack = useLocalStack();
let newUser: () => Promise<Anima>;
beforeAll(async () => {
  newUser = (await userFactory(stack)).client;
});

const metadata = { source: 'loop', step: 0, parents: {} } as const;
const configOf = (thread_id: string, checkpoint_ns = '') => ({ configurable: { thread_id, checkpoint_ns } });
const checkpointOf = (values: Record<string, unknown>, version = 1) => ({
  ...emptyCheckpoint(),
  id: uuid6(-1),
  channel_values: values,
  channel_versions: Object.fromEntries(Object.keys(values).map((name) => [name, version])),
});

async function put(saver: AnimaSaver, thread: string, values: Record<string, unknown>, version = 1) {
  const checkpoint = checkpointOf(values, version);
  const config = await saver.put(configOf(thread), checkpoint, metadata, checkpoint.channel_versions);
  return { checkpoint, config };
}

const State = Annotation.Root({
  log: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
  name: Annotation<string>(),
});

/** A graph that asks for a name between two steps. */
const graphWith = (checkpointer: BaseCheckpointSaver) =>
  new StateGraph(State)
    .addNode('first', () => ({ log: ['first'] }))
    .addNode('ask', () => ({ name: interrupt('name?') as string }))
    .addNode('last', ({ name }) => ({ log: [`hello ${name}`] }))
    .addEdge('__start__', 'first')
    .addEdge('first', 'ask')
    .addEdge('ask', 'last')
    .compile({ checkpointer });

describe('what is stored', () => {
  test('is nowhere in the table in clear, nor are the names of threads, channels and tasks', async () => {
    const saver = new AnimaSaver((await newUser()).memory);
    const { config } = await put(saver, 'thread-of-ada', { lovelace: 'analytical' });
    await saver.putWrites(config, [['lovelace', 'engine']], 'weaving');
    const items = JSON.stringify(await stack.allItems(stack.table('UserCustodyRecordsTable')));
    expect(items).toContain('tags');
    expect(items).not.toMatch(/lovelace|analytical|engine|weaving|thread-of|checkpoint/);
  });
});

describe('a graph', () => {
  test('stops in one process and continues in another, and its history is complete', async () => {
    const { memory } = await newUser();
    const config = configOf('t1');
    await graphWith(new AnimaSaver(memory)).invoke({ log: ['in'] }, config);
    const graph = graphWith(new AnimaSaver(memory));
    expect((await graph.getState(config)).next).toEqual(['ask']);
    expect(await graph.invoke(new Command({ resume: 'Ada' }), config)).toEqual({
      log: ['in', 'first', 'hello Ada'],
      name: 'Ada',
    });
    const steps: unknown[] = [];
    for await (const { metadata: of } of graph.getStateHistory(config)) steps.push(of?.step);
    expect(steps).toEqual([3, 2, 1, 0, -1]);
  });

  test('keeps both branches of a thread that was changed twice from one checkpoint, as the checkpointer in memory', async () => {
    const [ours, theirs] = await Promise.all(
      [new AnimaSaver((await newUser()).memory), new MemorySaver()].map(async (saver) => {
        const graph = graphWith(saver);
        const config = configOf('t1');
        await graph.invoke({ log: ['in'] }, config);
        const asked = await graph.getState(config);
        const branches: (readonly [typeof config, string[]])[] = [];
        for (const name of ['Ada', 'Bob']) {
          const branch = await graph.updateState(asked.config, { log: [name] }, 'first');
          branches.push([branch as typeof config, (await graph.invoke(new Command({ resume: name }), branch)).log]);
        }
        const states = branches.map(async ([branch]) => (await graph.getState(branch)).values.log);
        return [branches.map(([, log]) => log), await Promise.all(states)];
      }),
    );
    expect(ours).toEqual(theirs);
    expect(ours).toEqual([
      [
        ['in', 'first', 'Ada', 'hello Ada'],
        ['in', 'first', 'Bob', 'hello Bob'],
      ],
      [
        ['in', 'first', 'Ada'],
        ['in', 'first', 'Bob'],
      ],
    ]);
  });
});

describe('a checkpoint', () => {
  test('of megabytes is stored in parts and read whole, and all parts are deleted with the thread', async () => {
    const { memory } = await newUser();
    const saver = new AnimaSaver(memory);
    // Quotes take two bytes in JSON, emoji two characters that must stay together.
    const long = { text: '"🍵é'.repeat(150_000), list: Array.from({ length: 20_000 }, (_, n) => ({ n })) };
    const { config } = await put(saver, 't1', { long, short: 1 });
    await saver.putWrites(config, [['long', long.text]], 'task');
    expect(await saver.getTuple(configOf('t1'))).toMatchObject({
      checkpoint: { channel_values: { long, short: 1 } },
      pendingWrites: [['task', 'long', long.text]],
    });
    expect((await memory.list().toArray()).length).toBeGreaterThan(30);
    await saver.deleteThread('t1');
    expect(await memory.list().toArray()).toEqual([]);
  });

  test('of more than fits is refused, and nothing is found afterwards', async () => {
    const saver = new AnimaSaver((await newUser()).memory);
    const refused = await rejectionOf(put(saver, 't1', { long: 'x'.repeat(16_000_000) }));
    expect(refused).toMatchObject({ code: 'record_too_large', message: expect.stringMatching(/Nothing was stored/) });
    expect(await saver.getTuple(configOf('t1'))).toBeUndefined();
  });

  test('of several writers of one thread: the latest is the one with the greatest id, and none is lost', async () => {
    const { memory } = await newUser();
    const savers = [new AnimaSaver(memory), new AnimaSaver(memory), new AnimaSaver(memory)];
    const made = await Promise.all(
      Array.from({ length: 12 }, async (_, n) => await put(savers[n % 3] as AnimaSaver, 't1', { n }, n + 1)),
    );
    const ids = made.map(({ checkpoint }) => checkpoint.id).sort();
    expect((await savers[0]?.getTuple(configOf('t1')))?.checkpoint.id).toBe(ids.at(-1));
    const listed: string[] = [];
    for await (const { checkpoint } of savers[1]?.list(configOf('t1')) ?? []) listed.push(checkpoint.id);
    expect(listed).toEqual(ids.toReversed());
  });

  test('that is stored after a later one does not become the latest', async () => {
    const saver = new AnimaSaver((await newUser()).memory);
    const [older, newer] = [checkpointOf({ n: 1 }), checkpointOf({ n: 2 }, 2)];
    for (const one of [newer, older]) await saver.put(configOf('t1'), one, metadata, one.channel_versions);
    expect((await saver.getTuple(configOf('t1')))?.checkpoint.id).toBe(newer.id);
  });

  test('is replaced if it is stored again', async () => {
    const saver = new AnimaSaver((await newUser()).memory);
    const checkpoint = checkpointOf({});
    for (const step of [1, 2]) await saver.put(configOf('t1'), checkpoint, { ...metadata, step }, {});
    expect((await saver.getTuple(configOf('t1')))?.metadata).toMatchObject({ step: 2 });
  });

  test('has writes in the order of paths, tasks and places, each stored once; an error is replaced', async () => {
    const saver = new AnimaSaver((await newUser()).memory);
    const { config } = await put(saver, 't1', {});
    await saver.putWrites(config, [['b', 'late']], 'task', '~__pregel_pull, b');
    await saver.putWrites(
      config,
      Array.from({ length: 11 }, (_, n) => ['a', n]),
      'early',
      '~__pregel_pull, a',
    );
    await saver.putWrites(config, [['b', 'other']], 'task', '~__pregel_pull, b');
    await saver.putWrites(config, [['input', 0]], 'input');
    for (const text of ['one', 'two']) await saver.putWrites(config, [['__error__', text]], 'task');
    const writes = (await saver.getTuple(config))?.pendingWrites;
    const values = writes?.map(([task, , value]) => [task, value]);
    expect(values).toEqual([
      ['input', 0],
      ['task', 'two'],
      ...Array.from({ length: 11 }, (_, n) => ['early', n]),
      ['task', 'late'],
    ]);
  });

  test('of threads and namespaces with any names stays apart, and long names work', async () => {
    const saver = new AnimaSaver((await newUser()).memory);
    const names = ['a', '=a', '#a', 'a'.repeat(100), 'a'.repeat(101), '🍵'.repeat(200), '\u0000', ' '];
    for (const [n, name] of names.entries()) {
      await put(saver, name, { n });
      const checkpoint = checkpointOf({ n: n + 100 });
      await saver.put(configOf('one', name), checkpoint, metadata, checkpoint.channel_versions);
    }
    for (const [n, name] of names.entries()) {
      expect((await saver.getTuple(configOf(name)))?.checkpoint.channel_values).toEqual({ n });
      expect((await saver.getTuple(configOf('one', name)))?.checkpoint.channel_values).toEqual({ n: n + 100 });
    }
    expect(await saver.getTuple(configOf('b'))).toBeUndefined();
  });

  test('is refused without a text as id of the thread, and unknown options are refused', async () => {
    const { memory } = await newUser();
    const saver = new AnimaSaver(memory);
    const refused = await rejectionOf(saver.put({ configurable: { thread_id: 7 } }, emptyCheckpoint(), metadata, {}));
    expect(refused).toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('thread_id') });
    for (const options of [{ nameSpace: ['a'] }, { namespace: ['a', 'b', 'c', 'd', 'e'] }, { namespace: [''] }])
      expect(() => new AnimaSaver(memory, options)).toThrow(/Nothing was sent/);
  });

  test('whose parts are incomplete is reported as such', async () => {
    const { memory } = await newUser();
    const saver = new AnimaSaver(memory);
    await put(saver, 't1', { long: 'x'.repeat(200_000) });
    const part = (await memory.list().toArray()).find(({ data }) => Object.hasOwn(Object(data), 'part'));
    await memory.delete(part?.id ?? expect.fail('there is no part'));
    expect(await rejectionOf(saver.getTuple(configOf('t1')))).toMatchObject({ code: 'decryption_failed' });
  });
});
