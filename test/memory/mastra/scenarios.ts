/** What applications do with a memory storage of Mastra, and what they see. */
import { setTimeout as wait } from 'node:timers/promises';
import type { MastraDBMessage, StorageThreadType } from '@mastra/core/memory';
import type { MemoryStorage, StorageListMessagesInput, StorageListThreadsInput } from '@mastra/core/storage';

/** A call, and the form in which its result is compared. */
type See = (call: Promise<unknown> | (() => Promise<unknown>)) => Promise<void>;

const start = Date.UTC(2024, 0, 1);
const minute = (minutes: number): Date => new Date(start + minutes * 60_000);

const thread = (id: string, more: Partial<StorageThreadType> = {}): StorageThreadType => ({
  id,
  resourceId: 'ada',
  title: `Title of ${id}`,
  createdAt: minute(0),
  updatedAt: minute(0),
  metadata: { kind: 'chat' },
  ...more,
});

const said = (id: string, at: number, more: Partial<MastraDBMessage> = {}): MastraDBMessage => ({
  id,
  role: 'user',
  type: 'text',
  threadId: 't1',
  resourceId: 'ada',
  createdAt: minute(at),
  content: { format: 2, parts: [{ type: 'text', text: `I said ${id}` }] },
  ...more,
});

/** A change of content. Mastra's type wants all members of content, but its stores merge them. */
export const contentUpdate = (id: string, content: Partial<MastraDBMessage['content']>) => ({
  id,
  content: content as MastraDBMessage['content'],
});

/** Two threads of Ada, one of Bob. Some messages have equal times. */
async function fill(memory: MemoryStorage): Promise<void> {
  for (const one of [thread('t1'), thread('t2', { createdAt: minute(5) }), thread('t3', { resourceId: 'bob' })])
    await memory.saveThread({ thread: one });
  await memory.saveMessages({
    messages: [
      ...[0, 1, 2, 3, 4, 5].map((at) => said(`m${at}`, at, at % 2 === 0 ? {} : { role: 'assistant' })),
      said('same-1', 3),
      said('same-2', 3),
    ],
  });
  await memory.saveMessages({
    messages: [2, 4].map((at) => said(`n${at}`, at, { threadId: 't2' })),
  });
  await memory.saveMessages({ messages: [said('b1', 1, { threadId: 't3', resourceId: 'bob' })] });
}

const t1 = { threadId: 't1' } as const;

const messageLists: StorageListMessagesInput[] = [
  t1,
  { threadId: 't9' },
  { threadId: ['t1', 't2'] },
  { threadId: ['t1', 't3'], resourceId: 'bob' },
  { ...t1, resourceId: 'bob' },
  { ...t1, perPage: 3 },
  { ...t1, perPage: 3, page: 1 },
  { ...t1, perPage: 3, page: 2 },
  { ...t1, perPage: 3, page: 9 },
  { ...t1, perPage: 8 },
  { ...t1, perPage: false },
  { ...t1, perPage: 0 },
  { ...t1, perPage: 3, orderBy: { field: 'createdAt', direction: 'DESC' } },
  { ...t1, orderBy: { direction: 'DESC' } },
  { ...t1, filter: { dateRange: { start: minute(3) } } },
  { ...t1, filter: { dateRange: { start: minute(3), startExclusive: true } } },
  { ...t1, filter: { dateRange: { end: minute(1) } } },
  { ...t1, filter: { dateRange: { start: minute(1), end: minute(3), endExclusive: true } } },
  { ...t1, filter: { dateRange: { start: minute(3), end: minute(3) } }, perPage: 2 },
  { ...t1, filter: { metadata: {} }, perPage: 1 },
  { ...t1, perPage: 0, include: [{ id: 'm2' }] },
  { ...t1, perPage: 0, include: [{ id: 'm2', withPreviousMessages: 1, withNextMessages: 2 }] },
  {
    ...t1,
    perPage: 0,
    include: [
      { id: 'm0', withPreviousMessages: 5 },
      { id: 'm5', withNextMessages: 5 },
    ],
  },
  { ...t1, perPage: 2, include: [{ id: 'm1', withNextMessages: 1 }, { id: 'never' }] },
  { ...t1, perPage: 8, include: [{ id: 'm1', withNextMessages: 1 }] },
  { ...t1, perPage: 0, include: [{ id: 'n4', threadId: 't2', withPreviousMessages: 1 }] },
  { ...t1, perPage: 1, include: [{ id: 'b1' }, { id: 'n2' }] },
  { ...t1, resourceId: 'ada', perPage: 1, include: [{ id: 'b1' }, { id: 'n2' }] },
  {
    ...t1,
    perPage: 2,
    orderBy: { field: 'createdAt', direction: 'DESC' },
    include: [{ id: 'm0', withNextMessages: 1 }],
  },
];

const threadLists: StorageListThreadsInput[] = [
  {},
  { filter: {} },
  { filter: { resourceId: 'ada' } },
  { filter: { resourceId: 'nobody' } },
  { filter: { metadata: { kind: 'chat' } } },
  { filter: { metadata: { kind: 'other' } } },
  { filter: { metadata: { kind: 'chat', deep: { list: [1, { x: null }] } } } },
  { filter: { resourceId: 'bob', metadata: { kind: 'chat' } } },
  { orderBy: { field: 'createdAt', direction: 'ASC' } },
  { orderBy: { field: 'createdAt', direction: 'DESC' } },
  { orderBy: { field: 'updatedAt', direction: 'DESC' } },
  { orderBy: { field: 'updatedAt', direction: 'ASC' }, perPage: 2 },
  { perPage: 2 },
  { perPage: 2, page: 1 },
  { perPage: 2, page: 7 },
  { perPage: false },
  { perPage: 0 },
];

const refusedPages = [{ page: -1 }, { perPage: -1 }, { perPage: 1.5 }, { page: Number.MAX_SAFE_INTEGER, perPage: 40 }];

const refusedFilters: Record<string, unknown>[] = [
  { '1a': 1 },
  { 'a.b': 1 },
  { constructor: 1 },
  { a: { b: 1 } },
  { a: Number.NaN },
  { ['a'.repeat(129)]: 1 },
];

/** By title: the calls of a scenario. */
export const scenarios: Readonly<Record<string, (memory: MemoryStorage, see: See) => Promise<void>>> = {
  'threads are saved, read by their resource, replaced and deleted': async (memory, see) => {
    await see(memory.getThreadById({ threadId: 't1' }));
    await see(memory.saveThread({ thread: thread('t1') }));
    await see(
      memory.saveThread({ thread: { id: 't2', resourceId: 'bob', createdAt: minute(1), updatedAt: minute(1) } }),
    );
    for (const threadId of ['t1', 't2']) await see(memory.getThreadById({ threadId }));
    await see(memory.getThreadById({ threadId: 't1', resourceId: 'ada' }));
    await see(memory.getThreadById({ threadId: 't1', resourceId: 'bob' }));
    await see(memory.saveThread({ thread: thread('t1', { title: 'New', metadata: { a: [1, { b: null }] } }) }));
    await see(memory.getThreadById({ threadId: 't1' }));
    await see(memory.deleteThread({ threadId: 't1' }));
    await see(memory.deleteThread({ threadId: 'never' }));
    await see(memory.listThreads({}));
  },
  'a title and metadata are changed separately': async (memory, see) => {
    await memory.saveThread({ thread: thread('t1', { metadata: { kind: 'chat', deep: { a: 1 } } }) });
    await see(memory.updateThread({ id: 't1', title: 'Renamed' }));
    await see(memory.updateThread({ id: 't1', metadata: { deep: { b: 2 }, more: true } }));
    await see(memory.updateThread({ id: 't1', title: '' }));
    await see(memory.getThreadById({ threadId: 't1' }));
    await see(() => memory.updateThread({ id: 'never', title: 'x' }));
    await see(memory.updateThreadMetadata({ id: 't1', update: ({ metadata }) => ({ was: metadata?.more }) }));
    await see(memory.updateThreadMetadata({ id: 't1', update: () => undefined }));
    await see(memory.updateThreadMetadata({ id: 't1', resourceId: 'bob', update: () => ({ never: 1 }) }));
    await see(memory.updateThreadMetadata({ id: 'never', update: () => ({ never: 1 }) }));
    await see(memory.getThreadById({ threadId: 't1' }));
  },
  'threads are listed by resource, metadata, order and page': async (memory, see) => {
    for (const [at, id] of ['a', 'b', 'c', 'd', 'e'].entries()) {
      const deep = id === 'b' ? { deep: { list: [1, { x: null }] } } : {};
      const more = { resourceId: at % 2 === 0 ? 'ada' : 'bob', createdAt: minute(at % 3), updatedAt: minute(10 - at) };
      await memory.saveThread({ thread: thread(id, { ...more, metadata: { kind: 'chat', ...deep } }) });
    }
    await memory.updateThread({ id: 'c', metadata: { kind: 'other' } });
    for (const list of threadLists) await see(memory.listThreads(list));
    for (const page of [...refusedPages, { page: 1, perPage: false as const }])
      await see(() => memory.listThreads(page));
    for (const metadata of refusedFilters.slice(0, 3)) await see(() => memory.listThreads({ filter: { metadata } }));
  },
  'messages are listed by thread, resource, date, order and page, with others around them': async (memory, see) => {
    await fill(memory);
    for (const list of messageLists) await see(memory.listMessages(list));
    for (const page of refusedPages.slice(0, 3)) await see(() => memory.listMessages({ ...t1, ...page }));
    for (const threadId of ['', ' ', [], ['t1', '']]) await see(() => memory.listMessages({ threadId }));
    for (const metadata of refusedFilters)
      await see(() => memory.listMessages({ ...t1, filter: { metadata: metadata as Record<string, string> } }));
  },
  'messages of a resource are listed across threads': async (memory, see) => {
    await fill(memory);
    for (const { threadId: _, resourceId: __, ...list } of messageLists) {
      if (list.orderBy?.direction === 'DESC') continue;
      await see(memory.listMessagesByResourceId({ resourceId: 'ada', ...list }));
    }
    await see(memory.listMessagesByResourceId({ resourceId: 'nobody' }));
    await see(memory.listMessagesByResourceId({ resourceId: 'ada', perPage: 3, orderBy: { direction: 'DESC' } }));
  },
  'messages are found by metadata of their content': async (memory, see) => {
    const about = (id: string, at: number, metadata: Record<string, unknown>) =>
      said(id, at, { content: { format: 2, parts: [], metadata } });
    await memory.saveMessages({
      messages: [
        about('1', 1, { topic: 'tea', rank: 1 }),
        about('2', 2, { topic: 'tea', rank: '1', deep: { a: 1 } }),
        about('3', 3, { topic: null, rank: 1 }),
        said('4', 4),
      ],
    });
    for (const metadata of [
      { topic: 'tea' },
      { rank: 1 },
      { topic: null },
      { topic: 'tea', rank: 1 },
      { missing: null },
    ])
      for (const page of [{}, { perPage: 1 }, { perPage: 1, include: [{ id: '4' }] }])
        await see(memory.listMessages({ ...t1, ...page, filter: { metadata } }));
  },
  'messages are read by their ids': async (memory, see) => {
    await fill(memory);
    await see(memory.listMessagesById({ messageIds: ['m3', 'b1', 'never', 'm0', 'm3'] }));
    await see(memory.listMessagesById({ messageIds: [] }));
  },
  'a message is replaced, also into another thread, and stays in its place': async (memory, see) => {
    await fill(memory);
    await see(memory.saveMessages({ messages: [said('same-1', 3, { role: 'assistant' })] }));
    await see(memory.listMessages({ ...t1, filter: { dateRange: { start: minute(3), end: minute(3) } } }));
    await see(memory.saveMessages({ messages: [said('m0', 9, { threadId: 't2' }), said('x', 8)] }));
    await memory.saveMessages({ messages: [said('y', 6), said('x', 7), said('y', 7)] });
    for (const threadId of ['t1', 't2']) await see(memory.listMessages({ threadId }));
    await see(memory.saveMessages({ messages: [] }));
  },
  'content is kept as JSON, of any form': async (memory, see) => {
    const contents: unknown[] = [
      { format: 2, parts: [{ type: 'text', text: 'é🍵\u0000 "' }], content: 'é', metadata: { at: new Date(start) } },
      { format: 2, parts: [{ type: 'tool-invocation', toolInvocation: { state: 'result', result: [1, null, 'x'] } }] },
      { format: 2, parts: [{ type: 'text', text: 'x', $anima: 'date', value: 'y' }], skipped: undefined },
    ];
    await memory.saveMessages({
      messages: contents.map((content, at) => said(`c${at}`, at, { content: content as MastraDBMessage['content'] })),
    });
    await see(memory.listMessages(t1));
    await see(memory.listMessagesById({ messageIds: ['c2'] }));
  },
  'messages are changed: members, content and metadata are merged': async (memory, see) => {
    await fill(memory);
    const content = { format: 2 as const, parts: [], content: 'old', metadata: { a: 1, b: { c: 1 } } };
    await memory.saveMessages({ messages: [said('m1', 1, { content })] });
    await see(memory.updateMessages({ messages: [contentUpdate('m1', { metadata: { b: { d: 2 }, e: 3 } })] }));
    await see(memory.updateMessages({ messages: [contentUpdate('m1', { content: 'new' })] }));
    await see(
      memory.updateMessages({
        messages: [
          { id: 'm1', role: 'assistant', type: 'v2' },
          { id: 'never', role: 'user' },
          { id: 'm2', threadId: 't2' },
        ],
      }),
    );
    await see(memory.updateMessages({ messages: [{ id: 'm3', resourceId: 'bob' }] }));
    await see(memory.updateMessages({ messages: [] }));
    for (const threadId of ['t1', 't2']) await see(memory.listMessages({ threadId }));
    await see(memory.listMessagesByResourceId({ resourceId: 'bob' }));
  },
  'messages are deleted one by one, and with their thread': async (memory, see) => {
    await fill(memory);
    await see(memory.deleteMessages(['m1', 'never', 'n2']));
    await see(memory.deleteMessages([]));
    await see(memory.deleteThread({ threadId: 't2' }));
    for (const threadId of ['t1', 't2', 't3']) await see(memory.listMessages({ threadId }));
    await see(memory.listThreads({}));
    await see(memory.dangerouslyClearAll());
    await see(memory.listThreads({}));
    await see(memory.listMessages({ threadId: 't3' }));
  },
  'the time of a thread is the time of its last change': async (memory, see) => {
    await fill(memory);
    const order = async () => {
      const { threads } = await memory.listThreads({ orderBy: { field: 'updatedAt', direction: 'DESC' } });
      await wait(5);
      return threads.map(({ id }) => id);
    };
    for (const threadId of ['t3', 't2', 't1']) {
      await wait(5);
      await memory.saveMessages({ messages: [said('o1', 1, { threadId })] });
    }
    await see(order());
    await memory.updateMessages({ messages: [{ id: 'b1', role: 'assistant' }] });
    await see(order());
    await memory.updateThread({ id: 't2', title: 'x' });
    await see(order());
    await memory.deleteMessages(['o1']);
    await see(order());
    await memory.updateMessages({ messages: [{ id: 'm1', threadId: 't3' }] });
    await see(order());
  },
  'working memory of a resource is saved and merged': async (memory, see) => {
    await see(memory.getResourceById({ resourceId: 'ada' }));
    await see(memory.updateResource({ resourceId: 'ada', workingMemory: '# Ada\n- likes tea' }));
    await see(memory.updateResource({ resourceId: 'ada', metadata: { a: 1, b: { c: 1 } } }));
    await see(memory.updateResource({ resourceId: 'ada', metadata: { b: { d: 1 } }, workingMemory: '' }));
    await see(memory.getResourceById({ resourceId: 'ada' }));
    const resource = { id: 'bob', workingMemory: 'x', metadata: {}, createdAt: minute(0), updatedAt: minute(1) };
    await see(memory.saveResource({ resource }));
    await see(memory.getResourceById({ resourceId: 'bob' }));
    await see(memory.saveResource({ resource: { id: 'bob', createdAt: minute(0), updatedAt: minute(2) } }));
    await see(memory.getResourceById({ resourceId: 'bob' }));
  },
  'a thread is copied with its messages': async (memory, see) => {
    await fill(memory);
    await see(memory.copyThread({ sourceThreadId: 't1', newThreadId: 'c1' }));
    await see(memory.listMessages({ threadId: 'c1' }));
    await see(memory.getThreadById({ threadId: 'c1' }));
    const options = { messageLimit: 2, messageFilter: { startDate: minute(1), endDate: minute(4) } };
    const copy = { sourceThreadId: 't1', resourceId: 'bob', title: 'Copy', metadata: { own: 1 }, options };
    await see(memory.copyThread({ ...copy, newThreadId: 'c2' }));
    await see(memory.listMessages({ threadId: 'c2' }));
    await see(
      memory.copyThread({
        sourceThreadId: 't1',
        newThreadId: 'c3',
        options: { messageFilter: { messageIds: ['m5'] } },
      }),
    );
    await see(memory.listMessages({ threadId: 'c3' }));
    await see(() => memory.copyThread({ sourceThreadId: 't1', newThreadId: 'c2' }));
    await see(() => memory.copyThread({ sourceThreadId: 'never' }));
    await see(memory.listMessages(t1));
  },
};

const uuid = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g;

/** JSON of a result. Times of the run and new ids are replaced by words. */
const toComparable = (result: unknown): string =>
  JSON.stringify(result === undefined ? 'nothing' : result, (_, value) =>
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) && !value.startsWith('2024') ? 'now' : value,
  ).replaceAll(uuid, 'new id');

const resultOf = async (call: Promise<unknown> | (() => Promise<unknown>)): Promise<string> =>
  typeof call !== 'function'
    ? toComparable(await call)
    : await call().then(
        () => 'accepted',
        () => 'refused',
      );

/** The results of a scenario, in the order of its calls. */
export async function resultsOf(title: string, memory: MemoryStorage): Promise<string[]> {
  const results: string[] = [];
  await scenarios[title]?.(memory, async (call) => void results.push(await resultOf(call)));
  return results;
}
