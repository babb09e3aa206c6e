/** The memory storage for Mastra: the same calls give the same results as with Mastra's own storage in memory. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { MastraDBMessage } from '@mastra/core/memory';
import type { MemoryStorage } from '@mastra/core/storage';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Anima } from '../../../sdk/src/index.ts';
import { AnimaMemoryStorage } from '../../../sdk/src/mastra/index.ts';
import { rejectionOf } from '../../sdk/fake-fetch.ts';
import { useLocalStack } from '../../shared/local-stack.ts';
import { projectFolder } from '../../shared/vault-process.ts';
import { userFactory } from '../adapters/memory-user.ts';
import { isMastraInstalled, mastraHint, mastraStorage } from './mastra-installation.ts';
import { contentUpdate, resultsOf, scenarios } from './scenarios.ts';

const stack = useLocalStack();
let newUser: () => Promise<Anima>;
beforeAll(async () => {
  newUser = (await userFactory(stack)).client;
});

/**
 * The results of Mastra's own storage: a line for each call, below the titles. With Mastra installed, `npx vitest run
 * test/memory/mastra/mastra.e2e.test.ts -u` writes this file.
 */
const referenceFile = join(import.meta.dirname, 'mastra-reference.txt');
const reference = readFileSync(referenceFile, 'utf8');

const section = (title: string, results: readonly string[]): string => `# ${title}\n${results.join('\n')}\n\n`;

test.skipIf(!isMastraInstalled)(`the reference has the results of Mastra${mastraHint}`, async () => {
  const { InMemoryStore } = await import(pathToFileURL(mastraStorage).href);
  const sections: string[] = [];
  for (const title of Object.keys(scenarios)) {
    const memory: MemoryStorage = await new InMemoryStore().getStore('memory');
    sections.push(section(title, await resultsOf(title, memory)));
  }
  await expect(sections.join('')).toMatchFileSnapshot(referenceFile);
});

test.skipIf(!isMastraInstalled)(`compiles with the types of Mastra${mastraHint}`, () => {
  const compiler = join(projectFolder, 'node_modules', '.bin', 'tsc');
  const { status, stdout } = spawnSync(compiler, ['-p', join(import.meta.dirname, 'tsconfig.json')], {
    encoding: 'utf8',
  });
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
});

describe('as with the storage of Mastra in memory,', () => {
  test.each(Object.keys(scenarios))('%s', async (title) => {
    const results = await resultsOf(title, new AnimaMemoryStorage((await newUser()).memory));
    const [expected = ''] = reference.split(/^# /m).filter((one) => one.startsWith(`${title}\n`));
    // Members of objects can be in another order.
    const parsed = (lines: string) =>
      lines
        .trim()
        .split('\n')
        .map((line) => (/^\w+$/.test(line) ? line : JSON.parse(line)));
    expect(parsed(results.join('\n'))).toEqual(parsed(expected.slice(title.length)));
  });
});

const said = (id: string, text = id): MastraDBMessage => ({
  id,
  role: 'user',
  threadId: 't',
  resourceId: 'r',
  createdAt: new Date(),
  content: { format: 2, parts: [{ type: 'text', text }] },
});

const thread = (metadata: Record<string, unknown> = {}) => ({
  id: 't',
  resourceId: 'r',
  createdAt: new Date(),
  updatedAt: new Date(),
  metadata,
});

describe('the storage', () => {
  test('keeps messages of megabytes, replaces and deletes them, and leaves nothing', async () => {
    const { memory } = await newUser();
    const storage = new AnimaMemoryStorage(memory);
    await storage.saveThread({ thread: thread({ notes: 'n'.repeat(200_000) }) });
    const long = said('long', '🍵'.repeat(500_000));
    await storage.saveMessages({ messages: [long, said('short')] });
    const { messages } = await storage.listMessages({ threadId: 't' });
    expect(messages.map(({ content }) => content)).toEqual([long.content, said('short').content]);
    await storage.updateMessages({ messages: [contentUpdate('long', { metadata: { seen: true } })] });
    const [changed] = (await storage.listMessagesById({ messageIds: ['long'] })).messages;
    expect(changed?.content).toEqual({ ...long.content, metadata: { seen: true } });
    await storage.deleteThread({ threadId: 't' });
    expect(await memory.list().toArray()).toEqual([]);
  });

  test('refuses a message that no record can hold, and stores nothing of it', async () => {
    const { memory } = await newUser();
    const storage = new AnimaMemoryStorage(memory);
    const refused = await rejectionOf(storage.saveMessages({ messages: [said('x', 'x'.repeat(16_000_000))] }));
    expect(refused).toMatchObject({ code: 'record_too_large', message: expect.stringContaining('Nothing was stored') });
    expect(await memory.list().toArray()).toEqual([]);
  });

  test('loses nothing of writers at the same time', async () => {
    const { memory } = await newUser();
    const [a, b] = [new AnimaMemoryStorage(memory), new AnimaMemoryStorage(memory)];
    await a.saveThread({ thread: thread() });
    await Promise.all(
      [a, b].flatMap((storage, who) =>
        [0, 1, 2].map(async (n) => {
          await storage.saveMessages({ messages: [said(`${who}-${n}`)] });
          await storage.updateThread({ id: 't', metadata: { [`k${who}${n}`]: n } });
          await storage.updateThreadMetadata({
            id: 't',
            update: ({ metadata }) => ({ n: Number(metadata?.n ?? 0) + 1 }),
          });
          await storage.updateResource({ resourceId: 'r', metadata: { [`k${who}${n}`]: n } });
          await storage.updateMessages({ messages: [contentUpdate(`${who}-${n}`, { metadata: { by: who } })] });
        }),
      ),
    );
    const { messages } = await a.listMessages({ threadId: 't' });
    expect(messages.map(({ id, content }) => [id, content.metadata?.by]).sort()).toEqual(
      ['0-0', '0-1', '0-2', '1-0', '1-1', '1-2'].map((id) => [id, Number(id[0])]),
    );
    const all = { k00: 0, k01: 1, k02: 2, k10: 0, k11: 1, k12: 2 };
    expect((await b.getThreadById({ threadId: 't' }))?.metadata).toEqual({ ...all, n: 6 });
    expect((await b.getResourceById({ resourceId: 'r' }))?.metadata).toEqual(all);
  });

  test('changes one message by two writers at the same time, and keeps both changes', async () => {
    const { memory } = await newUser();
    const [a, b] = [new AnimaMemoryStorage(memory), new AnimaMemoryStorage(memory)];
    await a.saveMessages({ messages: [said('m')] });
    await Promise.all(
      [a, b].map(async (storage, at) => {
        await storage.updateMessages({ messages: [contentUpdate('m', { metadata: { [`by${at}`]: at } })] });
      }),
    );
    const [message] = (await a.listMessagesById({ messageIds: ['m'] })).messages;
    expect(message?.content.metadata).toEqual({ by0: 0, by1: 1 });
  });

  test('of one root does not see, or clear, the records of another', async () => {
    const { memory } = await newUser();
    const [one, two] = [new AnimaMemoryStorage(memory), new AnimaMemoryStorage(memory, { namespace: ['a', 'b'] })];
    await one.saveMessages({ messages: [said('m')] });
    expect((await two.listMessages({ threadId: 't' })).messages).toEqual([]);
    await two.dangerouslyClearAll();
    expect((await one.listMessages({ threadId: 't' })).total).toBe(1);
  });

  test('reports a damaged message instead of leaving it out, and deletes it with its thread', async () => {
    const { memory } = await newUser();
    const storage = new AnimaMemoryStorage(memory);
    await storage.saveMessages({ messages: [said('long', 'x'.repeat(100_000)), said('other')] });
    const [part] = (await memory.list().toArray()).filter(({ namespace }) => namespace?.[1] === 'messages-parts');
    await memory.delete(part?.id ?? expect.fail('there is no part'));
    expect(await rejectionOf(storage.listMessages({ threadId: 't' }))).toMatchObject({ code: 'decryption_failed' });
    await storage.deleteThread({ threadId: 't' });
    expect(await memory.list().toArray()).toEqual([]);
  });

  test('opens only the messages of a thread', async () => {
    const { memory } = await newUser();
    let opened = 0;
    const counted = {
      find: (options: Parameters<typeof memory.find>[0]) =>
        memory.find({ ...options, onProgress: ({ searched }) => (opened = searched) }),
      get: memory.get.bind(memory),
      upsert: memory.upsert.bind(memory),
      delete: memory.delete.bind(memory),
    };
    const storage = new AnimaMemoryStorage(counted);
    await storage.saveMessages({ messages: [said('1'), { ...said('2'), threadId: 'other' }, said('3')] });
    await storage.listMessages({ threadId: 't' });
    expect(opened).toBe(2);
  });

  test('refuses what would be lost, and unknown options, before anything is sent', async () => {
    const { memory } = await newUser();
    const storage = new AnimaMemoryStorage(memory);
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    const refused = [
      () => storage.saveMessages({ messages: [{ ...said('m'), content: { format: 2, parts: [cyclic] } }] }),
      () => storage.saveMessages({ messages: [Object.assign(said('m'), { content: undefined })] }),
      () => storage.saveMessages({ messages: [Object.assign(said('m'), { id: 7 })] }),
      () => storage.saveMessages({ messages: [{ ...said('m'), createdAt: new Date(Number.NaN) }] }),
      () => storage.saveThread({ thread: thread({ map: new Map() }) }),
      () => storage.saveThread({ thread: { ...thread(), updatedAt: new Date(Number.NaN) } }),
      () => storage.updateResource({ resourceId: '', workingMemory: 'x' }),
      () => storage.listMessages({ threadId: 't', filter: { dateRange: { start: new Date(Number.NaN) } } }),
    ];
    for (const call of refused)
      expect(await rejectionOf(call())).toMatchObject({
        code: 'invalid_argument',
        message: expect.stringContaining('Nothing was sent'),
      });
    expect(await memory.list().toArray()).toEqual([]);
    for (const options of [{ nameSpace: ['a'] }, { namespace: [] }, { namespace: Array(7).fill('a') }])
      expect(() => new AnimaMemoryStorage(memory, options)).toThrow(/Nothing was sent/);
  });
});
