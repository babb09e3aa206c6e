/** Namespaces, keys, filters, words, expiry and upserts of memory, with in-memory tables. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldedWords } from '../../core/encoding/folded-words.ts';
import { createInMemoryUserMemory } from './in-memory-user-records.ts';

const idsOf = ({ records }: { records: { id: string }[] }): string[] => records.map(({ id }) => id);

describe('a filtered search', () => {
  test('opens at most a tenth of 3,000 records, and finds every one that matches', async () => {
    const { newUser, writing } = createInMemoryUserMemory();
    const ada = newUser();
    const user = await ada.open();
    for (let n = 0; n < 3000; n++) {
      const data = { kind: n % 20 === 0 ? 'rare' : 'common', n };
      await writing.add(user, { id: `r${String(n).padStart(4, '0')}`, data, namespace: ['notes'], index: ['kind'] });
    }
    let [searched, found, cursor]: [number, string[], string | undefined] = [0, [], undefined];
    do {
      const page = await ada.find({ namespace: ['notes'], filter: { kind: 'rare' }, cursor });
      searched += page.searched;
      found = [...found, ...idsOf(page)];
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(found).toHaveLength(150);
    expect(searched).toBeLessThanOrEqual(300);
  });

  test('finds by all values, of any scalar type, and by the elements of a list', async () => {
    const ada = createInMemoryUserMemory().newUser();
    const data = { kind: 'fact', user: { city: 'Köln', age: 7 }, tags: ['a', 'b'], ok: true, none: null };
    const index = ['kind', 'user.city', 'user.age', 'tags', 'ok', 'none', 'missing'];
    await ada.put({ id: 'a', data, index });
    await ada.put({ id: 'b', data: { ...data, user: { city: 'Bonn', age: '7' } }, index });
    await ada.put({ id: 'c', data });
    const find = async (filter: Record<string, string | number | boolean | null>) => idsOf(await ada.find({ filter }));
    expect(await find({ kind: 'fact' })).toEqual(['a', 'b']);
    expect(await find({ kind: 'fact', 'user.city': 'Köln' })).toEqual(['a']);
    expect(await find({ 'user.age': 7 })).toEqual(['a']);
    expect(await find({ 'user.age': '7' })).toEqual(['b']);
    expect(await find({ tags: 'b', ok: true, none: null })).toEqual(['a', 'b']);
    expect(await find({ missing: 'x' })).toEqual([]);
    expect(await find({ 'toString.name': 'toString' })).toEqual([]);
  });

  test('trusts no tag: a record with tags of another one is opened, and not returned', async () => {
    const ada = createInMemoryUserMemory().newUser();
    await ada.put({ id: 'a', data: { kind: 'x' }, index: ['kind'], namespace: ['n'] });
    await ada.put({ id: 'b', data: { kind: 'y' }, index: ['kind'], namespace: ['m'] });
    ada.store({ ...ada.stored('b'), tags: ada.stored('a').tags });
    const found = await ada.find({ namespace: ['n'], filter: { kind: 'x' } });
    expect(found).toMatchObject({ searched: 2, records: [{ id: 'a' }] });
  });

  test('stops at a limit, and goes on after it', async () => {
    const ada = createInMemoryUserMemory().newUser();
    for (let n = 10; n < 40; n++) await ada.put({ id: `r${n}`, data: n, namespace: [n % 2 ? 'odd' : 'even'] });
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await ada.find({ namespace: ['odd'], limit: 4, cursor });
      expect(page.records.length).toBeLessThanOrEqual(4);
      seen.push(...idsOf(page));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(Array.from({ length: 15 }, (_, n) => `r${11 + 2 * n}`));
  });

  test('for words without a letter or digit is refused', async () => {
    const refused = createInMemoryUserMemory().newUser().find({ words: '!?' });
    await expect(refused).rejects.toMatchObject({ extras: { errors: [{ path: 'words', message: 'has no word' }] } });
  });
});

describe('a namespace', () => {
  test('contains those below it, and a key is found in exactly its own', async () => {
    const ada = createInMemoryUserMemory().newUser();
    for (const namespace of [['a'], ['a', 'b'], ['ab'], ['a', 'bc']])
      await ada.put({ key: 'k', data: namespace.join('/'), namespace });
    const found = async (namespace: string[], key?: string) =>
      (await ada.find({ namespace, key })).records.map(({ data }) => data).sort();
    expect(await found(['a'])).toEqual(['a', 'a/b', 'a/bc']);
    expect(await found(['a', 'b'])).toEqual(['a/b']);
    expect(await found(['a'], 'k')).toEqual(['a']);
    expect(await found(['b'], 'k')).toEqual([]);
    const { records } = await ada.find({ namespace: ['a', 'b'], key: 'k' });
    expect(records).toMatchObject([{ namespace: ['a', 'b'], key: 'k', version: 1 }]);
  });

  test('of one user has other tags and ids than that of another', async () => {
    const { newUser } = createInMemoryUserMemory();
    const users = [newUser(), newUser()];
    const stored = await Promise.all(
      users.map(async (user) => user.stored((await user.put({ key: 'k', data: 1, namespace: ['n'] })).id)),
    );
    expect(stored[0]?.id).not.toBe(stored[1]?.id);
    expect(stored[0]?.tags).not.toEqual(stored[1]?.tags);
    expect(JSON.stringify(stored)).not.toContain('"n"');
  });
});

describe('an upsert', () => {
  test('makes a record or replaces it in one call, and keeps the time of its creation', async () => {
    const { newUser, time } = createInMemoryUserMemory();
    const ada = newUser();
    const first = await ada.put({ id: 'a', data: 1, index: ['x'] });
    time.now = new Date(time.now.getTime() + 1000);
    const second = await ada.put({ id: 'a', data: 2 });
    expect(second).toEqual({ ...first, version: 2, updatedAt: time.now.toISOString() });
    expect(await ada.get('a')).toEqual({ ...second, data: 2 });
  });

  test('is recognized when it is repeated, and compares versions', async () => {
    const ada = createInMemoryUserMemory().newUser();
    const writeId = 'w'.repeat(32);
    const first = await ada.put({ id: 'a', data: 1, writeId, ifVersion: 0 });
    expect(await ada.put({ id: 'a', data: 1, writeId, ifVersion: 0 })).toEqual(first);
    await expect(ada.put({ id: 'a', data: 2, writeId })).rejects.toMatchObject({ code: 'write_id_reused' });
    const conflict = { code: 'version_conflict', extras: { currentVersion: 1 } };
    await expect(ada.put({ id: 'a', data: 2, ifVersion: 0 })).rejects.toMatchObject(conflict);
    expect(await ada.put({ id: 'a', data: 2, ifVersion: 1 })).toMatchObject({ version: 2 });
  });

  test('is stored once when its answer is lost, and again when another writer was faster', async () => {
    const { newUser, tables } = createInMemoryUserMemory();
    const ada = newUser();
    tables.fates = ['lost'];
    expect(await ada.put({ id: 'a', data: 1 })).toMatchObject({ version: 1 });
    tables.beforePut = () => ada.put({ id: 'a', data: 'theirs' });
    expect(await ada.put({ id: 'a', data: 'mine' })).toMatchObject({ version: 3 });
    expect(await ada.get('a')).toMatchObject({ data: 'mine' });
  });

  test('needs an id or a key, and an addition no version', async () => {
    const ada = createInMemoryUserMemory().newUser();
    for (const request of [
      { data: 1 },
      { data: 1, id: 'a', key: 'k' },
      { data: 1, id: 'a', upsert: false, ifVersion: 1 },
    ])
      await expect(ada.put(request)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('of a replaced record keeps its place and its tags', async () => {
    const ada = createInMemoryUserMemory().newUser();
    await ada.put({ id: 'a', data: { kind: 'x' }, namespace: ['n'], index: ['kind'] });
    await ada.replace('a', { kind: 'y' });
    expect(idsOf(await ada.find({ namespace: ['n'], filter: { kind: 'y' } }))).toEqual(['a']);
    expect(idsOf(await ada.find({ filter: { kind: 'x' } }))).toEqual([]);
  });

  test('refuses an index of too many values', async () => {
    const ada = createInMemoryUserMemory().newUser();
    const data = { all: Array.from({ length: 65 }, (_, n) => n) };
    await expect(ada.put({ id: 'a', data, index: ['all'] })).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(ada.get('a')).rejects.toMatchObject({ code: 'record_not_found' });
  });
});

test('a record that has expired does not exist for any request, and its id can be used again', async () => {
  const { newUser, time } = createInMemoryUserMemory();
  const ada = newUser();
  const expiresAt = new Date(time.now.getTime() + 60_000).toISOString();
  for (const id of ['a', 'b', 'c']) await ada.put({ id, data: 'tea', namespace: ['n'], expiresAt });
  expect(await ada.get('a')).toMatchObject({ expiresAt });
  expect(ada.stored('a').ttl).toBe(Date.parse(expiresAt) / 1000);
  time.now = new Date(expiresAt);
  await expect(ada.get('a')).rejects.toMatchObject({ code: 'record_not_found' });
  await expect(ada.replace('a', 1)).rejects.toMatchObject({ code: 'record_not_found' });
  expect(idsOf(await ada.list())).toEqual([]);
  for (const request of [{ text: 'tea' }, { namespace: ['n'] }]) expect(idsOf(await ada.find(request))).toEqual([]);
  expect(await ada.add('a', 'coffee')).toMatchObject({ version: 2, createdAt: expiresAt });
  expect(await ada.put({ id: 'b', data: 'coffee', ifVersion: 0 })).toMatchObject({ version: 2, createdAt: expiresAt });
  expect(ada.stored('b')).not.toHaveProperty('ttl');
});

describe('words', () => {
  test.each([
    ['CAFÉ', 'the cafe is closed'],
    ['cafe', 'Le café est fermé'],
    ['strasse', 'Hauptstraße 1, Straße'],
    ['12345', 'in total 12,345 pieces'],
    ['1500', "1'500 francs"],
    ['2026', 'in ٢٠٢٦'],
    ['77', 'room ７７'],
    ['closed cafe', 'The café is closed'],
    ['Σίσυφος', 'ΣΊΣΥΦΟΣ'],
    ['हिन्दी', 'हिन्दी भाषा'],
  ])('%s are found in %s', async (words, text) => {
    const ada = createInMemoryUserMemory().newUser();
    await ada.put({ id: 'a', data: { text: [text] } });
    expect(idsOf(await ada.find({ words }))).toEqual(['a']);
  });

  test.each([
    ['caf', 'the cafe'],
    ['cafe open', 'the cafe'],
    ['text', 'x'],
    ['1000', '10,00'],
  ])('%s are not found in %s', async (words, text) => {
    const ada = createInMemoryUserMemory().newUser();
    await ada.put({ id: 'a', data: { text: [text] } });
    expect(idsOf(await ada.find({ words }))).toEqual([]);
  });

  test('of a text are the same in each Unicode form and case', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(foldedWords(text.normalize('NFD'))).toEqual(foldedWords(text.normalize('NFC')));
        expect(foldedWords(foldedWords(text).join(' '))).toEqual(foldedWords(text));
      }),
    );
  });
});
