/** A user's memory and account through the SDK, as in an application, with the deployed template on this machine. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { deriveFernetKey, openFernet } from '../../core/memory/fernet.ts';
import { Anima, type ImportedLine } from '../../sdk/src/index.ts';
import { rejectionOf } from '../sdk/fake-fetch.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();
let admin: Anima;
let agentKey: string;
let org: string;

beforeAll(async () => {
  const made = await stack.newOrg();
  org = made.org;
  agentKey = made.agentKey;
  admin = stack.clientOf(made.adminKey);
});

async function newUser(): Promise<{ user: string; key: string; client: Anima }> {
  const { user, key } = await admin.users.create();
  return { user, key, client: stack.clientOf(key) };
}

/** Handles the session cookie like a browser, and nothing else. */
function browserFetch(): { fetch: typeof globalThis.fetch; cookies: Map<string, string> } {
  const cookies = new Map<string, string>();
  const send: typeof globalThis.fetch = async (input, init = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(input, { ...init, headers: { ...init.headers, ...(cookie === '' ? {} : { cookie }) } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '' || /max-age=0/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  };
  return { fetch: send, cookies };
}

describe('memory', () => {
  test('keeps what it is given: one, many, replaced, found, listed, exported, deleted', async () => {
    const { memory } = (await newUser()).client;
    const data = { likes: ['tea', null, 1.5, true, { 'ü "x"': '🍵' }] };
    const first = await memory.add(data);
    expect(await memory.get(first.id)).toEqual({ ...first, data });
    expect(await memory.add(data, { id: first.id })).toEqual(first);
    expect(await rejectionOf(memory.add('other', { id: first.id }))).toMatchObject({ code: 'record_exists' });

    const items = Array.from({ length: 250 }, (_, n) => ({ id: `n${String(n).padStart(3, '0')}`, data: { n } }));
    expect(await memory.addMany(items)).toEqual({ added: 250, failed: 0, failures: [] });
    expect(await memory.addMany([...items.slice(0, 3), { id: 'n009', data: 'other' }])).toMatchObject({
      added: 3,
      failures: [{ index: 3, id: 'n009', error: { code: 'record_exists' } }],
    });

    const second = await memory.replace('n007', 'Green TEA', { ifVersion: 1 });
    expect(second).toMatchObject({ id: 'n007', version: 2 });
    expect(await rejectionOf(memory.replace('n007', 1, { ifVersion: 1 }))).toMatchObject({ currentVersion: 2 });

    let searched = 0;
    const found = await memory.search('tea', { onProgress: (progress) => ({ searched } = progress) }).toArray();
    expect(found.map(({ id }) => id)).toEqual([first.id, 'n007']);
    expect(searched).toBe(251);

    const all = await memory.list({ pageSize: 40 }).toArray();
    expect(all.map(({ id }) => id)).toEqual([first.id, ...items.map(({ id }) => id)]);
    const lines: unknown[] = [];
    for await (const line of memory.export().lines()) lines.push(JSON.parse(line));
    expect(lines).toEqual(all);

    expect([await memory.delete('n007'), await memory.delete('n007')]).toEqual([true, false]);
    expect(await rejectionOf(memory.get('n007'))).toMatchObject({ name: 'NotFoundError', code: 'record_not_found' });
    expect(await memory.messages().toArray()).toEqual([]);
  });

  test('of an agent: namespaces, one call to store, filters that open few records, words, and expiry', async () => {
    const { user, client } = await newUser();
    const { memory } = client;
    const notes = memory.namespace('notebooks', 'lovelace');
    const kinds = ['finding', 'errand', 'event'];
    for (let n = 0; n < 30; n++)
      await notes.put(`entry-${n}`, { category: kinds[n % 3], text: `Café № ${n}`, n }, { index: ['category', 'n'] });
    let searched = 0;
    const onProgress = (progress: { searched: number }) => ({ searched } = progress);
    const found = await notes.find({ filter: { category: 'finding', n: 3 }, onProgress }).toArray();
    expect(found).toMatchObject([
      { namespace: ['notebooks', 'lovelace'], key: 'entry-3', data: { category: 'finding', n: 3 } },
    ]);
    expect(searched).toBe(1);
    expect(
      await memory.find({ namespace: ['notebooks'], filter: { category: 'errand' }, pageSize: 3 }).toArray(),
    ).toHaveLength(10);
    expect(await memory.find({ words: 'CAFE 7' }).toArray()).toMatchObject([{ key: 'entry-7' }]);
    expect(await memory.namespace('other').find().toArray()).toEqual([]);

    expect(await notes.put('entry-3', { category: 'errand' }, { index: ['category'], ifVersion: 1 })).toMatchObject({
      version: 2,
    });
    expect(await rejectionOf(notes.put('entry-3', 1, { ifVersion: 1 }))).toMatchObject({ currentVersion: 2 });
    expect(await notes.get('entry-3')).toMatchObject({ version: 2, data: { category: 'errand' } });
    expect([await notes.delete('entry-3'), await notes.delete('entry-3'), await notes.get('entry-3')]).toEqual([
      true,
      false,
      undefined,
    ]);

    await memory.upsert('soon gone', { id: 'short', expiresAt: new Date(Date.now() - 1) });
    expect(await rejectionOf(memory.get('short'))).toMatchObject({ code: 'record_not_found' });
    // The table has no namespace, key, path or value.
    const items = JSON.stringify(
      (await stack.allItems(stack.table('UserCustodyRecordsTable'))).filter(({ id }) => id?.S?.startsWith(user)),
    );
    expect(items).toContain('tags');
    expect(items).not.toMatch(/notebooks|lovelace|finding|category|entry-3/);
  });

  test('is found by vectors, which the vault keeps to itself and does not show in the table', async () => {
    const { user, client } = await newUser();
    const { memory } = client;
    const vectorOf = (n: number) => Array.from({ length: 64 }, (_, at) => Math.cos(n * 0.01 + at));
    for (let n = 0; n < 40; n++)
      await memory.upsert({ n }, { id: `r${n}`, namespace: ['notes'], index: ['n'], embedding: vectorOf(n) });
    await memory.upsert({ n: 'other' }, { id: 'other', embedding: [[1, 2], vectorOf(7.4)] });
    let searched = 0;
    const onProgress = (progress: { searched: number }) => ({ searched } = progress);
    const near = { vector: vectorOf(7.4), limit: 3 };
    const found = await memory.find({ near, onProgress }).toArray();
    expect(found.map(({ id }) => id)).toEqual(['other', 'r7', 'r8']);
    expect(found[0]?.similarity).toBeCloseTo(1, 5);
    expect(searched).toBe(41);
    const noted = await memory
      .namespace('notes')
      .find({ near: { ...near, minSimilarity: 0.99999 } })
      .toArray();
    expect(noted.map(({ id }) => id)).toEqual(['r7']);
    expect(await memory.find({ near: { vector: new Float32Array(vectorOf(3)), limit: 1 } }).toArray()).toMatchObject([
      { id: 'r3' },
    ]);
    for (const refused of [
      memory.upsert(1, { id: 'a', embedding: [] }),
      memory.upsert(1, { id: 'a', embedding: [Number.NaN] }),
      memory.upsert(1, { id: 'a', embedding: Array.from({ length: 5 }, () => new Array(4096).fill(1)) }),
      memory.find({ near: { vector: [] } }).page(),
      memory.find({ near: { vector: [1], limit: 1001 } }).page(),
      memory.find({ near: { vector: [1] }, key: 'k' }).page(),
      memory.find({ near: { vector: [1] }, pageSize: 5 }).page(),
      memory.find({ near: Object.assign({ vector: [1] }, { min: 1 }) }).page(),
    ])
      expect(await rejectionOf(refused)).toMatchObject({
        code: 'invalid_argument',
        message: expect.stringContaining('Nothing was sent'),
      });
    const items = (await stack.allItems(stack.table('UserCustodyRecordsTable'))).filter(({ id }) =>
      id?.S?.startsWith(user),
    );
    for (const item of items)
      expect(
        Object.keys(item)
          .filter((name) => !['org', 'tags', 'writeId'].includes(name))
          .sort(),
      ).toEqual(['data', 'id', 'version']);
    // A tag for the namespace and one for the number, and none for the vector.
    for (const { tags } of items) expect([undefined, 2]).toContain(tags?.SS?.length);
  });

  test('of one user is nothing to another; an API key opens none of it, nor a user key a value, whatever client asks', async () => {
    const [ada, bob] = [await newUser(), await newUser()];
    await ada.client.memory.add('hers', { id: 'a' });
    expect(await rejectionOf(bob.client.memory.get('a'))).toMatchObject({ code: 'record_not_found' });
    expect(await bob.client.memory.list().toArray()).toEqual([]);
    expect(await rejectionOf(bob.client.explain(`memory:${ada.user}/a`))).toMatchObject({ name: 'NotFoundError' });
    expect(await rejectionOf(stack.clientOf(agentKey).memory.get('a'))).toMatchObject({ code: 'wrong_key_kind' });
    await expectProblem(await stack.http('GET', '/v1/memory/records/a', { key: agentKey }), 'invalid_credential');
    await expectProblem(await stack.http('GET', '/v1/vault/values/a', { key: ada.key }), 'invalid_api_key');
  });

  test('imports what the reference implementation wrote, once, and exports what opens by the same derivation', async () => {
    const { memory } = (await newUser()).client;
    const file = readFileSync('test/memory/fernet-reference.txt');
    const { apiKey, userId } = JSON.parse(readFileSync('test/memory/fernet-reference.json', 'utf8'));
    const reference = { apiKey, userId };
    const told: ImportedLine[] = [];
    const options = { ...reference, onLine: (line: ImportedLine) => told.push(line) };
    const { imported } = await memory.importFernet(new Blob([file]), options);
    const tokens = file
      .toString()
      .split('\n')
      .filter((line) => line !== '').length;
    expect(told).toHaveLength(tokens);
    expect(imported).toBeGreaterThan(0);
    const kept = await memory.list().toArray();
    expect(kept).toHaveLength(imported);
    expect(await memory.importFernet(new Blob([file]), options)).toMatchObject({ imported });
    expect(await memory.list().toArray()).toEqual(kept);

    const key = await deriveFernetKey(reference.apiKey, reference.userId);
    const lines: string[] = [];
    for await (const line of memory.exportFernet(reference)) lines.push(line);
    for (const line of lines) await openFernet(key, line.trimEnd());
    const { memory: other } = (await newUser()).client;
    expect(await other.importFernet(lines, reference)).toMatchObject({ imported, failed: 0 });
    const dataOf = (records: typeof kept) => records.map(({ data }) => JSON.stringify(data)).sort();
    expect(dataOf(await other.list().toArray())).toEqual(dataOf(kept));
  });
});

describe('the account', () => {
  test('gets a new key, and nothing is lost; the old one is refused', async () => {
    const { client, key, user } = await newUser();
    await client.memory.add('kept', { id: 'a' });
    const kept: string[] = [];
    const newKey = await client.account.changeKey({ keep: (one) => kept.push(one) });
    expect(kept).toEqual([newKey]);
    for (const one of [client, stack.clientOf(newKey)]) expect((await one.memory.get('a')).data).toBe('kept');
    expect(await rejectionOf(stack.clientOf(key).memory.get('a'))).toMatchObject({ code: 'invalid_credential' });
    expect(await client.account.info()).toMatchObject({ org, user, slots: [{ kind: 'credential' }] });
  });

  test('whose answer is lost gets its new key all the same', async () => {
    const { key } = await newUser();
    let lost = 0;
    const losing: typeof globalThis.fetch = async (input, init) => {
      const answer = await fetch(input, init);
      if (String(input).endsWith('/v1/account/key') && lost++ === 0) throw new Error('reset');
      return answer;
    };
    const newKey = await new Anima({ apiKey: key, baseURL: stack.vault.url, fetch: losing }).account.changeKey();
    expect(lost).toBeGreaterThan(0);
    expect((await stack.clientOf(newKey).account.info()).state).toBe('active');
  });

  test('is opened by a password in a page, until it logs out', async () => {
    const { client, user } = await newUser();
    await client.memory.add('kept', { id: 'a' });
    const login = { login: `ada-${user}`, password: 'correct horse battery' };
    await client.account.setPassword(login);
    const { fetch: page, cookies } = browserFetch();
    const session = new Anima({ session: true, baseURL: stack.vault.url, fetch: page });
    const wrong = await rejectionOf(session.account.logIn({ org, ...login, password: 'wrong horse battery' }));
    expect(wrong).toMatchObject({ name: 'AuthenticationError', code: 'login_refused' });
    expect(await session.account.logIn({ org, ...login })).toMatchObject({ user });
    expect(await session.memory.get('a')).toMatchObject({ data: 'kept' });
    const { slots } = await session.account.info();
    expect(slots.map(({ kind }) => kind).sort()).toEqual(['credential', 'password', 'session']);
    const stolen = new Map(cookies);
    expect(await session.account.logOut()).toBe(true);
    expect(cookies.size).toBe(0);
    for (const [name, value] of stolen) cookies.set(name, value);
    expect(await rejectionOf(session.memory.get('a'))).toMatchObject({ code: 'invalid_credential' });
  });

  test('gives codes for linking, and does not take away the key by which it is asked', async () => {
    const { client } = await newUser();
    expect(await client.account.startLink()).toMatchObject({ code: expect.stringMatching(/^\w{4}-\w{4}-\w{4}$/) });
    const { slots } = await client.account.info();
    const link = slots.find(({ kind }) => kind === 'link') ?? expect.fail('no slot of the code');
    const own = slots.find(({ kind }) => kind === 'credential') ?? expect.fail('no slot of the key');
    expect((await client.account.removeSlot(link.id)).slots).toHaveLength(1);
    expect(await rejectionOf(client.account.removeSlot(own.id))).toMatchObject({ code: 'forbidden' });
    expect(await rejectionOf(client.account.removeSlot(link.id))).toMatchObject({ code: 'slot_not_found' });
  });

  test('tells who can open it: to the user, and to the organization of what it may ask', async () => {
    const { client, user } = await newUser();
    await client.memory.add('hers', { id: 'a' });
    const ref = `memory:${user}/a`;
    for (const told of [await client.explain(ref), await admin.explain(ref)]) {
      expect(told).toMatchObject({ ref, custody: 'user', state: 'stored' });
      expect(told.canOpen.map(({ kind }) => kind)).toContain('slot');
      expect(told.cannotOpen.map(({ kind }) => kind)).toContain('api-key');
    }
  });

  test('is deleted by its user, or by the organization; then nothing opens', async () => {
    const [ada, bob] = [await newUser(), await newUser()];
    await ada.client.memory.add('hers', { id: 'a' });
    expect(await ada.client.account.delete({ confirm: ada.user })).toMatchObject({ deleted: true });
    expect(await admin.users.delete(bob.user)).toMatchObject({ deleted: true });
    expect(await admin.users.delete(bob.user)).toMatchObject({ deleted: false });
    for (const { client } of [ada, bob])
      expect(await rejectionOf(client.memory.get('a'))).toMatchObject({ code: 'invalid_credential' });
    const users = await admin.users.list({ pageSize: 3 }).toArray();
    const states = Object.fromEntries(users.map(({ user, state, slots }) => [user, `${state} ${slots.length}`]));
    expect(states).toMatchObject({ [ada.user]: 'deleted 0', [bob.user]: 'deleted 0' });
  });
});
