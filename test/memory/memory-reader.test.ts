/** Reading a user's memory: pages, search, and which records each user can decrypt. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import { createUserTombstone, parseUserKeyringRecord, toUserKeyringRecord } from '../../core/users/user-keyring.ts';
import { encodeCursor } from '../../lambdas/shared/pagination-cursor.ts';
import type { StoredRecord } from '../../lambdas/users/user-ports.ts';
import { encryptMemory, encryptMessage } from '../../lambdas/users/user-record-encryption.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { createInMemoryUserMemory } from './in-memory-user-records.ts';

type World = ReturnType<typeof createInMemoryUserMemory>;
type User = ReturnType<World['newUser']>;

/** Stores many records directly, without the writer. */
async function fill(user: User, count: number, dataOf: (n: number) => unknown): Promise<void> {
  const { umk } = await user.open();
  const at = '2026-06-01T12:00:00.000Z';
  for (let n = 0; n < count; n++) {
    const id = `r${String(n).padStart(6, '0')}`;
    const data = encryptMemory(umk, id, 1, { data: dataOf(n), createdAt: at, updatedAt: at });
    user.store({ collection: 'memory', id, version: 1, data });
  }
}

async function all<T extends { cursor?: string | undefined }>(page: (cursor?: string) => Promise<T>): Promise<T[]> {
  const pages = [await page()];
  for (let cursor = pages[0]?.cursor; cursor !== undefined; cursor = pages.at(-1)?.cursor)
    pages.push(await page(cursor));
  return pages;
}

describe('list', () => {
  test('all records once, ascending by id, by pages', async () => {
    const user = createInMemoryUserMemory().newUser();
    await fill(user, 25, (n) => n);
    const pages = await all((cursor) => user.list({ cursor, limit: 10 }));
    expect(pages.map(({ records }) => records.length)).toEqual([10, 10, 5]);
    expect(pages.flatMap(({ records }) => records.map(({ data }) => data))).toEqual(
      Array.from({ length: 25 }, (_, n) => n),
    );
  });

  test('a page ends where a reply of Lambda would: what is left comes with the next', async () => {
    const user = createInMemoryUserMemory().newUser();
    const quotes = '"'.repeat(limits.recordBytes / 2 - 1);
    await fill(user, 40, () => quotes);
    const pages = await all((cursor) => user.list({ cursor, limit: 1000 }));
    expect(pages.flatMap(({ records }) => records)).toHaveLength(40);
    expect(pages.length).toBeGreaterThan(1);
    for (const page of pages) expect(JSON.stringify(JSON.stringify(page)).length).toBeLessThan(limits.requestBytes);
  });

  test('a cursor is of this user and this list: of another it is refused, and a forged one leads nowhere else', async () => {
    const world = createInMemoryUserMemory();
    const user = world.newUser();
    const other = world.newUser(user.owner.org);
    for (const one of [user, other]) await fill(one, 5, () => `of ${one.owner.user}`);
    const { cursor = '' } = await user.list({ limit: 2 });
    expect(await errorCodeOf(other.list({ cursor }))).toBe('invalid_cursor');
    expect(await errorCodeOf(user.search('x', cursor))).toBe('invalid_cursor');
    expect(await errorCodeOf(user.messages({ cursor }))).toBe('invalid_cursor');
    for (const bad of ['', 'x', `${cursor}A`, cursor.slice(0, -2)])
      expect(await errorCodeOf(user.list({ cursor: bad }))).not.toBe('internal');
    const { records } = await other.list();
    expect(new Set(records.map(({ data }) => data))).toEqual(new Set([`of ${other.owner.user}`]));
  });

  test('an item of an id that no request can have stored stops no list or search, and can be deleted', async () => {
    const user = createInMemoryUserMemory().newUser();
    const planted = ['  first', 'b c', 'r000000/more', 'r000001…', '\u{10ffff}', 'z'.repeat(900)];
    for (const collection of ['memory', 'messages'] as const) {
      for (const id of planted) user.store({ collection, id, version: 1, data: 'x' });
    }
    await fill(user, 3, (n) => `record ${n}`);
    const pages = await all((cursor) => user.list({ cursor, limit: 1 }));
    expect(pages.flatMap(({ damaged = [] }) => damaged).sort()).toEqual(planted.toSorted());
    expect(pages.flatMap(({ records }) => records.map(({ id }) => id))).toEqual(['r000000', 'r000001', 'r000002']);
    const messages = await all((cursor) => user.messages({ cursor, limit: 1 }));
    expect(messages.flatMap(({ damaged = [] }) => damaged).sort()).toEqual(planted.toSorted());
    for (const id of planted) expect(await user.delete(id), id).toEqual({ deleted: true });
    expect((await user.list()).damaged).toBeUndefined();
    expect((await all((cursor) => user.messages({ cursor }))).flatMap(({ damaged = [] }) => damaged)).toHaveLength(6);
    // IDs that are not valid table keys cause no request to the table and no error about the table.
    for (const id of ['', 'x'.repeat(999), '…'.repeat(400)]) {
      expect(await user.delete(id)).toEqual({ deleted: false });
      const cursor = encodeCursor([user.owner.org, 'memory', user.owner.user], id);
      expect(await errorCodeOf(user.list({ cursor }))).toBe('invalid_cursor');
    }
    expect(await user.delete('\ud800')).toEqual({ deleted: false });
  });

  test('a damaged record is named, neither left out in silence nor in the way of the others', async () => {
    const user = createInMemoryUserMemory().newUser();
    await fill(user, 6, (n) => `record ${n}`);
    const broken = (id: string, change: Partial<StoredRecord>) => user.store({ ...user.stored(id), ...change });
    broken('r000000', { version: 2 });
    broken('r000003', { data: '' });
    broken('r000005', { version: Number.NaN });
    const pages = await all((cursor) => user.list({ cursor, limit: 2 }));
    expect(pages.map(({ damaged }) => damaged)).toEqual([['r000000'], ['r000003'], ['r000005']]);
    expect(pages.flatMap(({ records }) => records.map(({ id }) => id))).toEqual(['r000001', 'r000002', 'r000004']);
    const found = await user.search('record');
    expect(found).toMatchObject({ searched: 3, damaged: ['r000000', 'r000003', 'r000005'] });
    expect(await errorCodeOf(user.get('r000003'))).toBe('decryption_failed');
  });
});

describe('search', () => {
  test('in every string and name of a member, at any depth, without regard to case or form', async () => {
    const user = createInMemoryUserMemory().newUser();
    const hits = ['GREEN TEA', { a: [{ b: ['some green tea'] }] }, { 'Green Tea': 1 }, 'ｇｒｅｅｎ ｔｅａ'];
    const misses = ['green', 'tea', 5, null, true, ['green', ' tea'], { green: 'tea' }, '\u200bgre\u200ben tea'];
    for (const [n, data] of hits.entries()) await user.add(`hit${n}`, data);
    for (const [n, data] of misses.entries()) await user.add(`miss${n}`, data);
    const { records, searched, cursor } = await user.search('Green TEA');
    expect(records.map(({ id }) => id)).toEqual(['hit0', 'hit1', 'hit2', 'hit3']);
    expect([searched, cursor]).toEqual([12, undefined]);
    await user.add('e', 'Cafe\u0301');
    expect((await user.search('CAFÉ')).records).toHaveLength(1);
    // The search ignores metadata.
    expect((await user.search('createdAt')).records).toEqual([]);
    expect((await user.search('2026')).records).toEqual([]);
  });

  test('no request opens more than a thousand records; the next goes on where it ended, and in the end all were searched', async () => {
    const user = createInMemoryUserMemory().newUser();
    await fill(user, 2300, (n) => (n % 1000 === 999 ? 'here it is' : 'nothing'));
    const pages = await all((cursor) => user.search('here', cursor));
    expect(pages.map(({ searched }) => searched)).toEqual([1000, 1000, 300]);
    expect(pages.map(({ records }) => records.length)).toEqual([1, 1, 0]);
  });

  test('no request searches for longer than it has time for', async () => {
    const world = createInMemoryUserMemory();
    const user = world.newUser();
    await fill(user, 600, () => 'x');
    const list = world.tables.list.bind(world.tables);
    world.tables.list = (...request) => {
      world.time.now = new Date(world.time.now.getTime() + 3_000);
      return list(...request);
    };
    const pages = await all((cursor) => user.search('y', cursor));
    expect(pages.map(({ searched }) => searched)).toEqual([500, 100]);
  });

  test('matches that fill a reply end it: none is lost and none comes twice', async () => {
    const user = createInMemoryUserMemory().newUser();
    await fill(user, 60, (n) => `${n} ${'"'.repeat(30_000)}`);
    const pages = await all((cursor) => user.search('"', cursor));
    expect(pages.length).toBeGreaterThan(1);
    expect(pages.flatMap(({ records }) => records.map(({ id }) => id))).toHaveLength(60);
    expect(new Set(pages.flatMap(({ records }) => records.map(({ id }) => id))).size).toBe(60);
  });
});

test('messages come oldest first, each before its answer, and no record of another collection among them', async () => {
  const user = createInMemoryUserMemory().newUser();
  const { umk } = await user.open();
  await user.add('01kajv2v00ghjkmnpqrstvwxyz', { role: 'user', text: 'x', channel: 'x', at: 'x' });
  for (const [n, id] of [
    '01kajv2v00ghjkmnpqrstvwxyz',
    '01kajv2v00ghjkmnpqrstvwxyz-r',
    '01kajv2v01ghjkmnpqrstvwxyz',
  ].entries()) {
    const content = {
      role: n === 1 ? 'agent' : 'user',
      text: `text ${n}`,
      channel: 'twilio',
      at: '2026-06-01T12:00:00.000Z',
    } as const;
    user.store({ collection: 'messages', id, version: 1, data: encryptMessage(umk, id, 1, content) });
  }
  const pages = await all((cursor) => user.messages({ cursor, limit: 2 }));
  expect(pages.flatMap(({ messages }) => messages.map(({ role, text }) => `${role} ${text}`))).toEqual([
    'user text 0',
    'agent text 1',
    'user text 2',
  ]);
  expect((await user.list()).records).toHaveLength(1);
});

describe('what does not open', () => {
  test('a record that was moved to another id, user, org, collection or version, cut, or changed', async () => {
    const world = createInMemoryUserMemory();
    const user = world.newUser();
    const others = [world.newUser(user.owner.org), world.newUser()];
    await user.add('tea', 'green');
    const stored = user.stored('tea');
    const refused = async (of: User, record: StoredRecord) => {
      of.store(record);
      expect(await errorCodeOf(of.get(record.id))).toBe('decryption_failed');
      expect((await of.list()).damaged).toEqual([record.id]);
      await of.delete(record.id);
    };
    await user.delete('tea');
    await refused(user, { ...stored, id: 'coffee' });
    for (const version of [0, 2, -1, 1.5]) await refused(user, { ...stored, version });
    for (const other of others) await refused(other, stored);
    for (const length of [0, 6, 7, 35, stored.data.length - 4, stored.data.length - 1]) {
      await refused(user, { ...stored, data: stored.data.slice(0, length) });
    }
    for (let at = 7; at < stored.data.length; at += 5) {
      const changed = stored.data.slice(0, at) + (stored.data[at] === 'A' ? 'B' : 'A') + stored.data.slice(at + 1);
      await refused(user, { ...stored, data: changed });
    }
    // A memory is not a message, even if it has the same fields.
    const { umk } = await user.open();
    const times = { createdAt: '2026-06-01T12:00:00.000Z', updatedAt: '2026-06-01T12:00:00.000Z' };
    const both = { data: 1, ...times, role: 'user', text: 'x', channel: 'x', at: times.createdAt } as const;
    user.store({ collection: 'messages', id: 'tea', version: 1, data: encryptMemory(umk, 'tea', 1, both) });
    expect(await user.messages()).toEqual({ messages: [], damaged: ['tea'] });
    user.store({ collection: 'messages', id: 'tea', version: 1, data: encryptMessage(umk, 'tea', 1, both) });
    expect(await user.messages()).toMatchObject({ messages: [{ text: 'x' }] });
    const noMemory = encryptMemory(umk, 'tea', 1, { data: undefined, createdAt: 'x', updatedAt: 'x' });
    await refused(user, { ...stored, data: noMemory });
  });

  test('an older version that is put back as a whole opens as what it was, and says its version: this is not prevented', async () => {
    const user = createInMemoryUserMemory().newUser();
    await user.add('tea', 'green');
    const old = user.stored('tea');
    await user.replace('tea', 'black');
    user.store(old);
    expect(await user.get('tea')).toMatchObject({ version: 1, data: 'green' });
    await user.replace('tea', 'black');
    user.store({ ...old, version: 2 });
    expect(await errorCodeOf(user.get('tea'))).toBe('decryption_failed');
  });

  test("with another user's key nothing is found, and of 1,000 memories none opens", async () => {
    const world = createInMemoryUserMemory();
    const user = world.newUser();
    const other = world.newUser(user.owner.org);
    await fill(user, 1000, () => randomBytes(8).toString('hex'));
    expect(await errorCodeOf(other.get('r000000'))).toBe('record_not_found');
    expect(await other.list()).toEqual({ records: [] });
    for (const [key, record] of [...world.tables.items]) {
      if (key.startsWith(`${user.owner.org}/${user.owner.user}/`)) other.store(record);
    }
    let opened = 0;
    for (const page of await all((cursor) => other.list({ cursor, limit: 1000 }))) opened += page.records.length;
    expect(opened).toBe(0);
  });

  test.each(['list', 'messages', 'search'] as const)(
    '%s: a user who is deleted after the request was let in, or whose org is shredded: nothing is opened',
    async (what) => {
      const world = createInMemoryUserMemory();
      const user = world.newUser();
      const { umk } = await user.open();
      await user.add('tea', 'green');
      user.store({
        collection: 'messages',
        id: 'm',
        version: 1,
        data: encryptMessage(umk, 'm', 1, { role: 'user', text: 'x', channel: 'x', at: 'x' }),
      });
      const list = world.tables.list.bind(world.tables);
      const during = (change: () => void) => {
        world.tables.list = async (...request) => {
          const page = await list(...request);
          change();
          return page;
        };
      };
      const key = `${user.owner.org}/${user.owner.user}`;
      const keyring = world.tables.keyrings.get(key);
      const parsed = parseUserKeyringRecord(keyring, user.owner);
      if (parsed.state !== 'active') return expect.fail();
      const run = () => (what === 'search' ? user.search('green') : user[what]());
      during(() =>
        world.tables.keyrings.set(key, toUserKeyringRecord(createUserTombstone(parsed, '2026-06-01T12:00:01.000Z'))),
      );
      expect(await errorCodeOf(run())).toBe('invalid_credential');
      world.tables.keyrings.set(key, keyring);
      during(() => world.tables.orgs.delete(user.owner.org));
      expect(await errorCodeOf(run())).toBe('invalid_credential');
    },
  );
});
