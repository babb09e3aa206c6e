/** Records of device vaults: local reads, the queue, merging, conflicts, history, watching, search. */
import { beforeEach, expect, test, vi } from 'vitest';
import { DeviceVaults } from '../../../sdk/src/device/index.ts';
import { VaultRecords } from '../../../sdk/src/device/records/device-records.ts';
import { memoryStorage } from '../../../sdk/src/device/storage/memory-storage.ts';
import { baseURL, problem, rejectionOf, userKey } from '../fake-fetch.ts';
import { FakeDeviceService, recordDraft, rosterDraft, servedBy, settingsOf } from './engine-fixtures.ts';
import { anotherDevice, type Device, dataAt, firstDevice, offline, restarted, syncAll } from './record-fixtures.ts';
import { watchedStorage } from './watched-storage.ts';

let service: FakeDeviceService;
let first: Device;
beforeEach(async () => {
  service = new FakeDeviceService();
  first = await firstDevice(service);
});

test('a record is written at once, read locally, and deleted', async () => {
  const memory = first.vault.records('memory');
  const put = await memory.put({ text: 'one' });
  expect(put).toMatchObject({ type: 'memory', version: 1, data: { text: 'one' }, state: 'synced', isImported: false });
  expect(put.id).toMatch(/^[A-Za-z0-9_-]{22}$/);
  expect(put.device).toBe(first.vault.device);
  const sent = service.seen.length;
  expect(await memory.get(put.id)).toEqual(put);
  expect(await memory.list()).toEqual([put]);
  expect(await first.vault.records('todo').list()).toEqual([]);
  expect(service.seen).toHaveLength(sent);
  expect(await memory.put({ text: 'two' }, { id: put.id })).toMatchObject({ version: 2, data: { text: 'two' } });
  expect(await memory.delete(put.id)).toBe(true);
  expect(await memory.delete(put.id)).toBe(false);
  expect(await memory.get(put.id)).toBeUndefined();
  expect(await memory.put('three', { id: put.id })).toMatchObject({ version: 4, state: 'synced' });
});

test('equal data is not written again', async () => {
  const memory = first.vault.records('memory');
  const { id } = await memory.put({ a: 1, b: [2] });
  const sent = service.seen.length;
  expect(await memory.put({ b: [2], a: 1 }, { id })).toMatchObject({ version: 1 });
  expect(service.seen).toHaveLength(sent);
});

test('offline, records are local and wait, also through a restart', async () => {
  await offline(service, async () => {
    const memory = first.vault.records('memory');
    expect(await memory.put('1', { id: 'a' })).toMatchObject({ state: 'local', version: 1, data: '1' });
    expect(await memory.put('2', { id: 'a' })).toMatchObject({ state: 'local', version: 1, data: '2' });
    await memory.put('3', { id: 'b' });
    await memory.put('4', { id: 'c' });
    expect(await memory.delete('c')).toBe(true);
    expect(await rejectionOf(first.vault.sync())).toMatchObject({ code: 'connection_failed' });
    first = await restarted(first);
    expect((await first.vault.records('memory').list()).map(({ id, data }) => [id, data])).toEqual([
      ['a', '2'],
      ['b', '3'],
    ]);
  });
  // One entry. The record that was deleted had never left this device.
  const { pushed, queued } = await first.vault.sync();
  expect([pushed, queued]).toEqual([2, 0]);
  expect(servedBy(service, first.vault.engine).log).toHaveLength(2);
  expect(await first.vault.records('memory').get('a')).toMatchObject({ state: 'synced', version: 1 });
  const second = await anotherDevice(service, first);
  expect(await dataAt('a', 'memory', first, second)).toBe('2');
  expect(await dataAt('c', 'memory', first, second)).toBeUndefined();
});

test('many changes become entries of at most a hundred, and large ones entries of at most 256 KiB', async () => {
  await offline(service, async () => {
    const memory = first.vault.records('memory');
    for (let at = 0; at < 130; at++) await memory.put(at, { id: `n${at}` });
    for (const id of ['x', 'y', 'z']) await memory.put('x'.repeat(200_000), { id });
  });
  expect(await first.vault.sync()).toMatchObject({ pushed: 133, queued: 0 });
  const { log } = servedBy(service, first.vault.engine);
  // The last thirty small ones share an entry with the first large one.
  expect(log).toHaveLength(1 + 1 + 3);
  for (const { entry } of log) expect(entry.length).toBeLessThan(262_144 + 72);
});

test('a record of the largest size is accepted, and a larger one is refused before it is stored', async () => {
  const memory = first.vault.records('memory');
  const largest = 256_000 - '{"data":""}'.length;
  expect(await memory.put('x'.repeat(largest), { id: 'a' })).toMatchObject({ state: 'synced' });
  expect(await rejectionOf(memory.put('x'.repeat(largest + 1), { id: 'b' }))).toMatchObject({
    code: 'record_too_large',
  });
  expect(await memory.get('b')).toBeUndefined();
});

test.each([
  ['a function', () => 1],
  ['not a number', Number.NaN],
  ['a lone surrogate', '\ud800'],
  ['an object of a class', new Date(0)],
  ['too deep', JSON.parse(`${'['.repeat(64)}${']'.repeat(64)}`)],
])('%s is no data', async (_, data) => {
  const put = first.vault.records('memory').put(data as never);
  expect(await rejectionOf(put)).toMatchObject({ code: 'invalid_record' });
});

test('a todo is an object, an id has its form, and a type is one of four', async () => {
  expect(await rejectionOf(first.vault.records('todo').put('text'))).toMatchObject({ code: 'invalid_record' });
  const memory = first.vault.records('memory');
  expect(await rejectionOf(memory.put('x', { id: 'a/b' }))).toMatchObject({ code: 'invalid_argument' });
  expect(await rejectionOf(memory.get(''))).toMatchObject({ code: 'invalid_argument' });
  expect(() => first.vault.records('settings' as never)).toThrow(/must be one of memory/);
});

test('a todo that two devices changed offline has the changes of both', async () => {
  const second = await anotherDevice(service, first);
  await first.vault.records('todo').put({ title: 'Call', done: false, note: 'x', unknown: { a: 1 } }, { id: 't' });
  await second.vault.sync();
  await offline(service, async () => {
    await first.vault.records('todo').put({ title: 'Call the bank', done: false, unknown: { a: 1 } }, { id: 't' });
    const there = await second.vault.records('todo').get('t');
    await second.vault.records('todo').put({ ...(there?.data as object), done: true }, { id: 't' });
  });
  await syncAll(first, second);
  expect(await dataAt('t', 'todo', first, second)).toEqual({ title: 'Call the bank', done: true, unknown: { a: 1 } });
});

test('a later write to a member of a todo wins over an earlier one', async () => {
  const second = await anotherDevice(service, first);
  await first.vault.records('todo').put({ title: '1' }, { id: 't' });
  await second.vault.sync();
  await second.vault.records('todo').put({ title: '2' }, { id: 't' });
  await first.vault.sync();
  await offline(service, () => second.vault.records('todo').put({ title: '3' }, { id: 't' }));
  await first.vault.records('todo').put({ title: '4' }, { id: 't' });
  await first.vault.records('todo').put({ title: '5' }, { id: 't' });
  await syncAll(second, first);
  expect(await dataAt('t', 'todo', first, second)).toEqual({ title: '5' });
});

test('a memory that two devices changed keeps both texts, once', async () => {
  const second = await anotherDevice(service, first);
  await first.vault.records('memory').put({ text: 'base', tags: ['a'], left: 1, right: 1 }, { id: 'm' });
  await second.vault.sync();
  await offline(service, async () => {
    await first.vault.records('memory').put({ text: 'mine', tags: ['a', 'b'], left: 2, right: 1 }, { id: 'm' });
    await second.vault.records('memory').put({ text: 'theirs', tags: ['c'], left: 1, right: 2 }, { id: 'm' });
  });
  await first.vault.sync();
  await syncAll(second, first);
  expect(await dataAt('m', 'memory', first, second)).toEqual({
    text: 'mine\n\ntheirs',
    tags: ['b', 'c'],
    left: 2,
    right: 2,
  });
});

test('a session has the messages of both devices', async () => {
  const second = await anotherDevice(service, first);
  const hello = { id: '1', text: 'hello' };
  await first.vault.records('session').put({ messages: [hello] }, { id: 's' });
  await second.vault.sync();
  await offline(service, async () => {
    await first.vault.records('session').put({ messages: [hello, { id: '2', text: 'a' }] }, { id: 's' });
    await second.vault.records('session').put({ messages: [hello, { id: '3', text: 'b' }] }, { id: 's' });
  });
  await first.vault.sync();
  await syncAll(second, first);
  expect(await dataAt('s', 'session', first, second)).toEqual({
    messages: [hello, { id: '2', text: 'a' }, { id: '3', text: 'b' }],
  });
});

test.each(['memory', 'todo', 'session'] as const)(
  'an edit of a %s wins over a deletion, in either order',
  async (type) => {
    const second = await anotherDevice(service, first);
    for (const [id, deleter, editor] of [
      ['a', first, second],
      ['b', second, first],
    ] as const) {
      await first.vault.records(type).put({ text: 'base' }, { id });
      await second.vault.sync();
      await offline(service, async () => {
        await deleter.vault.records(type).delete(id);
        await editor.vault.records(type).put({ text: 'edited' }, { id });
      });
      await syncAll(first, second);
      expect(await dataAt(id, type, first, second)).toEqual({ text: 'edited' });
    }
  },
);

test('a provider conflict stays until a person decides', async () => {
  const second = await anotherDevice(service, first);
  const provider = (device: Device) => device.vault.records('provider');
  await provider(first).put({ key: 'base' }, { id: 'p' });
  await second.vault.sync();
  await offline(service, () => provider(second).put({ key: 'second' }, { id: 'p' }));
  await provider(first).put({ key: 'first' }, { id: 'p' });
  const conflict = { type: 'provider', id: 'p', theirs: { key: 'first' }, mine: { key: 'second' } };
  for (let round = 0; round < 2; round++) {
    const { conflicts, queued, pushed } = await second.vault.sync();
    expect([conflicts, queued, pushed]).toEqual([[conflict], 0, 0]);
  }
  const again = await restarted(second);
  expect(await provider(again).conflicts()).toEqual([conflict]);
  expect(await provider(again).get('p')).toMatchObject({ data: { key: 'first' }, state: 'synced' });
  expect(await rejectionOf(provider(again).put({ key: 'x' }, { id: 'p' }))).toMatchObject({ code: 'conflict_pending' });
  expect(await rejectionOf(provider(again).delete('p'))).toMatchObject({ code: 'conflict_pending' });
  await provider(again).resolve('p', 'mine');
  expect(await provider(again).conflicts()).toEqual([]);
  await first.vault.sync();
  expect(await dataAt('p', 'provider', first, again)).toEqual({ key: 'second' });
  expect(await rejectionOf(provider(again).resolve('p', 'mine'))).toMatchObject({ code: 'record_unknown' });
});

test('a provider change that meets another one says that it was not written, and waits as a conflict', async () => {
  const second = await anotherDevice(service, first);
  const provider = (device: Device) => device.vault.records('provider');
  await provider(first).put({ key: 'base' }, { id: 'p' });
  await second.vault.sync();
  await provider(first).put({ key: 'first' }, { id: 'p' });
  // Online, but without having read what the first device wrote.
  const put = provider(second).put({ key: 'second' }, { id: 'p' });
  expect(await rejectionOf(put)).toMatchObject({ code: 'conflict_pending' });
  expect(await rejectionOf(provider(second).delete('p'))).toMatchObject({ code: 'conflict_pending' });
  const theirs = { key: 'first' };
  const mine = { key: 'second' };
  expect(await provider(second).conflicts()).toEqual([{ type: 'provider', id: 'p', theirs, mine }]);
});

test('a conflict can also be decided for the other side, or with other data, and a deletion asks too', async () => {
  const second = await anotherDevice(service, first);
  const provider = (device: Device) => device.vault.records('provider');
  for (const id of ['a', 'b', 'c']) await provider(first).put({ key: 'base' }, { id });
  await second.vault.sync();
  await offline(service, async () => {
    for (const id of ['a', 'b']) await provider(second).put({ key: 'second' }, { id });
    await provider(second).delete('c');
  });
  for (const id of ['b', 'c']) await provider(first).put({ key: 'first' }, { id });
  await provider(first).delete('a');
  const { conflicts } = await second.vault.sync();
  expect(conflicts.map(({ theirs, mine }) => [theirs, mine])).toEqual([
    [undefined, { key: 'second' }],
    [{ key: 'first' }, { key: 'second' }],
    [{ key: 'first' }, undefined],
  ]);
  await provider(second).resolve('a', 'theirs');
  await provider(second).resolve('b', { data: { key: 'both' } });
  await provider(second).resolve('c', 'mine');
  await first.vault.sync();
  expect(await dataAt('a', 'provider', first, second)).toBeUndefined();
  expect(await dataAt('b', 'provider', first, second)).toEqual({ key: 'both' });
  expect(await dataAt('c', 'provider', first, second)).toBeUndefined();
});

test('a lost answer does not double what was written', async () => {
  const memory = first.vault.records('memory');
  await memory.put('base', { id: 'm' });
  service.after = ({ method }, response) => {
    if (method === 'POST') throw new Error('lost');
    return response;
  };
  service.before = ({ method }) => {
    if (method === 'GET') throw new Error('offline');
    return undefined;
  };
  // It was stored, but this device cannot know.
  expect(await memory.put('one', { id: 'm' })).toMatchObject({ state: 'local' });
  service.after = undefined;
  await offline(service, async () => {
    first = await restarted(first);
    expect(await first.vault.records('memory').put('two', { id: 'm' })).toMatchObject({ state: 'local' });
  });
  service.before = undefined;
  await first.vault.sync();
  expect(await first.vault.records('memory').get('m')).toMatchObject({ data: 'two', state: 'synced', version: 3 });
});

test('a record that changes while it is being written is written again', async () => {
  const memory = first.vault.records('memory');
  let second: Promise<unknown> | undefined;
  service.before = ({ method }) => {
    if (method === 'POST') second ??= memory.put('two', { id: 'm' });
    return undefined;
  };
  await memory.put('one', { id: 'm' });
  await second;
  expect(await memory.get('m')).toMatchObject({ data: 'two', state: 'synced', version: 2 });
});

test('puts at the same time of two devices all arrive', async () => {
  const second = await anotherDevice(service, first);
  const put = (device: Device, name: string) =>
    Array.from({ length: 20 }, (_, at) => device.vault.records('memory').put(at, { id: `${name}${at}` }));
  await Promise.all([...put(first, 'a'), ...put(second, 'b')]);
  await syncAll(first, second);
  for (const { vault } of [first, second]) expect(await vault.records('memory').list()).toHaveLength(40);
});

test('history has all versions, and an earlier one can be restored, also after a deletion', async () => {
  const second = await anotherDevice(service, first);
  const memory = first.vault.records('memory');
  await memory.put('one', { id: 'm' });
  await second.vault.sync();
  await second.vault.records('memory').put('two', { id: 'm' });
  await first.vault.sync();
  await memory.delete('m');
  const history = await memory.history('m');
  expect(history.map(({ version, data, isDeleted, device }) => [version, data, isDeleted, device])).toEqual([
    [3, undefined, true, first.vault.device],
    [2, 'two', false, second.vault.device],
    [1, 'one', false, first.vault.device],
  ]);
  expect(history[0]?.time).toMatch(/^\d{4}-.*Z$/);
  expect(await memory.restore('m', 1)).toMatchObject({ version: 4, data: 'one', state: 'synced' });
  expect(await rejectionOf(memory.restore('m', 3))).toMatchObject({ code: 'record_unknown' });
  expect(await rejectionOf(memory.restore('m', 9))).toMatchObject({ code: 'record_unknown' });
});

test('changes of both devices are watched until the signal fires', async () => {
  const second = await anotherDevice(service, first);
  const stop = new AbortController();
  const seen: unknown[] = [];
  const watching = (async () => {
    for await (const { id, record } of first.vault.records('memory').watch({ signal: stop.signal }))
      seen.push([id, record?.data]);
  })();
  await first.vault.records('memory').put('own', { id: 'a' });
  await first.vault.records('todo').put({ title: 'other type' });
  await second.vault.records('memory').put('other', { id: 'b' });
  await first.vault.sync();
  await offline(service, () => first.vault.records('memory').delete('a'));
  await vi.waitFor(() => expect(seen).toHaveLength(3));
  stop.abort();
  await watching;
  expect(seen).toEqual([
    ['a', 'own'],
    ['b', 'other'],
    ['a', undefined],
  ]);
  const closing = (async () => {
    for await (const _ of first.vault.records('memory').watch()) expect.fail();
  })();
  await first.vault.close();
  await closing;
});

test('search finds records by all their words, best first, and follows changes', async () => {
  const memory = first.vault.records('memory');
  await memory.put({ text: 'Green tea, and more tea' }, { id: 'a' });
  await memory.put({ text: 'A long text about many things, of which tea is one, and green another' }, { id: 'b' });
  await memory.put({ tags: ['ＴＥＡ'] }, { id: 'c' });
  const found = async (query: string) => (await memory.search(query)).map(({ id }) => id);
  expect(await found('tea')).toEqual(['c', 'a', 'b']);
  expect(await found('TEA green')).toEqual(['a', 'b']);
  expect(await found('coffee')).toEqual([]);
  expect(await found(' ,')).toEqual([]);
  await memory.delete('a');
  await offline(service, () => memory.put({ text: 'Coffee' }, { id: 'b' }));
  expect(await found('tea')).toEqual(['c']);
  expect(await found('coffee')).toEqual(['b']);
  expect(await memory.search('coffee', { limit: 0 })).toEqual([]);
});

test('a search opens only records that changed since the last one, also after a restart, and those that it returns', async () => {
  const storage = watchedStorage();
  let device = await firstDevice(new FakeDeviceService(), storage);
  for (let at = 0; at < 20; at++)
    await device.vault.records('memory').put({ text: at === 7 ? 'a needle' : 'hay' }, { id: `r${at}` });
  const opened = async (query: string) => {
    storage.reads.length = 0;
    const found = await device.vault.records('memory').search(query);
    return {
      found: found.map(({ id }) => id),
      opened: storage.reads.filter((name) => name.startsWith('record/')).sort(),
    };
  };
  expect((await opened('needle')).opened).toHaveLength(21);
  expect(await opened('needle')).toEqual({ found: ['r7'], opened: ['record/memory:r7'] });
  expect([...storage.items.keys()].filter((name) => name.startsWith('words/')).length).toBeGreaterThan(1);
  device = await restarted(device);
  expect(await opened('needle')).toEqual({ found: ['r7'], opened: ['record/memory:r7'] });
  await device.vault.records('memory').put({ text: 'a second needle' }, { id: 'r3' });
  await device.vault.records('memory').delete('r7');
  device = await restarted(device);
  expect(await opened('needle')).toEqual({
    found: ['r3'],
    opened: ['record/memory:r3', 'record/memory:r3', 'record/memory:r7'],
  });
  expect(await opened('hay')).toMatchObject({ found: { length: 18 } });
});

test('two searches at once, and a record that this device cannot open', async () => {
  const memory = first.vault.records('memory');
  await memory.put({ text: 'tea' }, { id: 'a' });
  const both = await Promise.all([memory.search('tea'), memory.search('tea')]);
  expect(both.map((found) => found.map(({ id }) => id))).toEqual([['a'], ['a']]);
  const { settings, engine } = { settings: settingsOf(first.context), engine: first.vault.engine };
  await engine.append(recordDraft(engine.keys, 'unknown', 'tea'), settings);
  expect((await memory.search('tea')).map(({ id }) => id)).toEqual(['a']);
});

test('a device that wrote nothing for a day writes a heartbeat', async () => {
  expect(await first.vault.sync()).toMatchObject({ pulled: 0, pushed: 0 });
  expect(first.vault.headCode().seq).toBe(1);
  vi.useFakeTimers({ now: Date.now() + 25 * 3_600_000, toFake: ['Date'] });
  try {
    expect(await first.vault.sync()).toMatchObject({ pulled: 0, pushed: 0, queued: 0 });
    expect(first.vault.headCode().seq).toBe(2);
    await first.vault.sync();
    expect(first.vault.headCode().seq).toBe(2);
  } finally {
    vi.useRealTimers();
  }
});

test('after a device left, an admin device makes a new key before it writes; an agent waits', async () => {
  const agent = await anotherDevice(service, first, 'data');
  const leaver = await anotherDevice(service, first);
  await leaver.vault.engine.append(rosterDraft({ kind: 'leave' }), settingsOf(leaver.context));
  expect(await agent.vault.records('memory').put('waiting', { id: 'a' })).toMatchObject({ state: 'local' });
  const { notices, queued } = await agent.vault.sync();
  expect(queued).toBe(1);
  expect(notices.map(({ kind }) => kind)).toContain('rotation_due');
  expect(await first.vault.records('memory').put('now', { id: 'b' })).toMatchObject({ state: 'synced' });
  await syncAll(agent, first);
  expect(await dataAt('a', 'memory', first, agent)).toBe('waiting');
  expect(first.vault.engine.view.state.epoch).toBe(2);
});

test('a removed device keeps what it had, reads nothing later, and cannot write', async () => {
  const second = await anotherDevice(service, first);
  await first.vault.records('memory').put('before', { id: 'a' });
  await second.vault.sync();
  const remove = rosterDraft({ kind: 'remove', device: second.vault.device });
  await first.vault.engine.append(remove, settingsOf(first.context));
  await first.vault.records('memory').put('after', { id: 'a' });
  expect(await rejectionOf(second.vault.sync())).toMatchObject({ code: 'device_refused' });
  expect(await second.vault.records('memory').get('a')).toMatchObject({ data: 'before' });
  // A service that goes on serving it gives it entries, and no key.
  const served = servedBy(service, first.vault.engine);
  served.state = { ...served.state, members: second.vault.engine.view.state.members };
  await second.vault.sync();
  expect(await rejectionOf(second.vault.records('memory').get('a'))).toMatchObject({ code: 'no_key' });
  expect(await second.vault.records('memory').list()).toEqual([]);
  expect(await rejectionOf(second.vault.records('memory').put('x'))).toMatchObject({ code: 'not_a_member' });
});

test('content of another form is left alone until somebody writes the record again', async () => {
  const second = await anotherDevice(service, first);
  const memory = first.vault.records('memory');
  await memory.put('base', { id: 'a' });
  await second.vault.sync();
  // A later version of this software, for example.
  const { engine } = second.vault;
  await engine.append(recordDraft(engine.keys, 'a', '{"data":"other"}'), settingsOf(second.context));
  await engine.append(recordDraft(engine.keys, 'b', 'no JSON'), settingsOf(second.context));
  await offline(service, () => memory.put('mine', { id: 'a' }));
  const { conflicts } = await first.vault.sync();
  expect(conflicts).toEqual([{ type: 'memory', id: 'a', theirs: undefined, mine: 'mine' }]);
  for (const id of ['a', 'b']) expect(await rejectionOf(memory.get(id))).toMatchObject({ code: 'unreadable_content' });
  expect(await memory.list()).toEqual([]);
  expect((await memory.history('a')).map(({ data, isDeleted }) => [data, isDeleted])).toEqual([
    [undefined, false],
    ['base', false],
  ]);
  await memory.resolve('a', 'mine');
  expect(await memory.put('new', { id: 'b' })).toMatchObject({ version: 2, state: 'synced' });
  await second.vault.sync();
  expect([await dataAt('a', 'memory', first, second), await dataAt('b', 'memory', first, second)]).toEqual([
    'mine',
    'new',
  ]);
  await engine.append(recordDraft(engine.keys, 'b', 'no JSON'), settingsOf(second.context));
  await first.vault.sync();
  expect(await memory.delete('b')).toBe(true);
  expect(await memory.get('b')).toBeUndefined();
});

test('the mark of an import stays with a record until somebody writes it without', async () => {
  const second = await anotherDevice(service, first);
  const records = await VaultRecords.open(first.vault.engine, first.context.transport);
  await records.write('provider', 'p', { url: 'https://provider.test' }, {}, true);
  const provider = second.vault.records('provider');
  await second.vault.sync();
  expect(await provider.get('p')).toMatchObject({ isImported: true });
  expect(await provider.put({ url: 'https://other.test' }, { id: 'p' })).toMatchObject({ isImported: true });
  await records.sync();
  expect(await records.of('provider').get('p')).toMatchObject({ isImported: true });
  const { data } = (await records.of('provider').get('p')) ?? expect.fail();
  expect(await records.write('provider', 'p', data, {}, false)).toMatchObject({ version: 3, isImported: false });
});

test('a lost answer, a change, and a merge of another device between them: the later write stays', async () => {
  const second = await anotherDevice(service, first);
  await first.vault.records('todo').put({ title: 'base', done: false }, { id: 't' });
  await second.vault.sync();
  service.after = ({ method }, response) => {
    if (method === 'POST') throw new Error('lost');
    return response;
  };
  service.before = ({ method }) => {
    if (method === 'GET') throw new Error('offline');
    return undefined;
  };
  await first.vault.records('todo').put({ title: 'one', done: false }, { id: 't' });
  service.after = undefined;
  await offline(service, () => first.vault.records('todo').put({ title: 'two', done: false }, { id: 't' }));
  service.before = undefined;
  await second.vault.sync();
  await second.vault.records('todo').put({ title: 'one', done: true }, { id: 't' });
  await syncAll(first, second);
  expect(await dataAt('t', 'todo', first, second)).toEqual({ title: 'two', done: true });
});

test('errors that are not about the connection reach the caller, and the change stays queued', async () => {
  service.before = () => problem('device_refused');
  expect(await rejectionOf(first.vault.records('memory').put('x', { id: 'a' }))).toMatchObject({
    code: 'device_refused',
  });
  service.before = undefined;
  expect(await first.vault.sync()).toMatchObject({ pushed: 1 });
});

test('the classes: create, list, open, devices, head code', async () => {
  const storage = memoryStorage();
  const vaults = new DeviceVaults({ apiKey: userKey, baseURL, fetch: service.fetch, storage });
  const vault = await vaults.create({ label: 'Laptop' });
  expect((await vaults.list()).map((one) => one.vault)).toContain(vault.scope.vault);
  expect(await vault.devices()).toEqual([
    {
      id: vault.device,
      role: 'admin',
      label: 'Laptop',
      isThis: true,
      since: 1,
      lastHeard: expect.stringMatching(/Z$/),
      isSilent: false,
    },
  ]);
  const { code } = vault.headCode();
  expect(code).toMatch(/^([0-9A-Z]{4}-){7}[0-9A-Z]{4}$/);
  await vault.rotate();
  expect(vault.headCode().seq).toBe(2);
  expect((await vault.devices())[0]?.label).toBe('Laptop');
  expect(JSON.stringify(vault)).toBe(JSON.stringify({ vault: vault.scope.vault, device: vault.device }));
  await vault.close();
  const again = await vaults.open(vault.scope.vault);
  expect(again.headCode().seq).toBe(2);
  expect(await vault.describeKeys()).toMatch(/memory/);
  expect(await rejectionOf(vaults.open('x'))).toMatchObject({ code: 'invalid_argument' });
  const options = { baseURL, fetch: service.fetch, storage };
  expect(() => new DeviceVaults({ ...options, apiKey: userKey, owner: { org: 'x', user: 'y' } })).toThrow(/owner/);
});
