/**
 * A user's memory over real HTTP, with the tables of the deployment and its policies enforced on every call: responses,
 * audit records, stored data, and the number of calls.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RouteId, routes } from '../../contract/routes.ts';
import type { ErrorCode } from '../../contract/shared/error-codes.ts';
import { limits } from '../../contract/shared/limits.ts';
import { type ShredReceipt, shredReceiptJwsType } from '../../core/shredding/receipt-statements.ts';
import { verifyJws } from '../../core/signing/jws.ts';
import { formatUserKey, parseUserKey } from '../../core/users/user-key.ts';
import { expectProblem, type Item, useLocalStack } from '../shared/local-stack.ts';
import { createPolicyAuthorizer, type PolicyAuthorizer } from '../shared/policy-authorizer.ts';
import { shredNow } from '../shredding/shred-org.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
const records = '/v1/memory/records';

interface User {
  readonly org: string;
  readonly user: string;
  readonly key: string;
}

async function newUser(adminKey: string): Promise<User> {
  const answer = await stack.http('POST', '/v1/users', { key: adminKey });
  expect(answer.status).toBe(201);
  const { key } = await answer.json();
  const { org, user } = parseUserKey(key) ?? expect.fail('not a user key');
  return { org, user, key };
}

async function send<T>(method: string, path: string, user: User, body?: unknown): Promise<T> {
  const answer = await stack.http(method, path, { key: user.key, body });
  expect(answer.status, await answer.clone().text()).toBeLessThan(300);
  return await answer.json();
}

let org: { org: string; adminKey: string; agentKey: string };
let ada: User;
let bob: User;
let eve: User;
let authorizer: PolicyAuthorizer;
beforeAll(async () => {
  authorizer = createPolicyAuthorizer(stack.vault);
  stack.vault.setHooks(authorizer);
  org = await stack.newOrg();
  [ada, bob] = [await newUser(org.adminKey), await newUser(org.adminKey)];
  eve = await newUser((await stack.newOrg()).adminKey);
});

afterAll(() => expect(authorizer.denials).toEqual([]));

const table = () => stack.table('UserCustodyRecordsTable');
const itemId = ({ user }: User, id: string) => `${user}/memory/${id}`;
const itemOf = async (user: User, id: string) => await stack.getItem(table(), { org: user.org, id: itemId(user, id) });

test('a record is added, read, replaced, listed, found and deleted', async () => {
  const data = { likes: ['green tea', null, 1.5, { 'a "b"': 'ü 🍵 \u0000' }] };
  const made = await send<{ id: string; createdAt: string }>('POST', records, ada, { id: 'tea', data });
  expect(made).toEqual({ id: 'tea', version: 1, createdAt: made.createdAt, updatedAt: made.createdAt });
  expect(await send('GET', `${records}/tea`, ada)).toEqual({ ...made, data });
  expect(await send('POST', records, ada, { id: 'tea', data })).toEqual(made);
  const replaced = await send('PUT', `${records}/tea`, ada, { data: 'black', ifVersion: 1 });
  expect(replaced).toMatchObject({ id: 'tea', version: 2, createdAt: made.createdAt });
  const { results } = await send<{ results: { id: string }[] }>('POST', '/v1/memory/batch-add', ada, {
    items: [{ data: 'Second' }, { id: 'tea', data: 1 }, { id: 'third', data: { deep: ['second'] } }],
  });
  expect(results).toMatchObject([
    { ok: true },
    { id: 'tea', ok: false, error: { code: 'record_exists' } },
    { id: 'third', ok: true, record: { version: 1 } },
  ]);
  const first = await send<{ records: { id: string }[]; cursor: string }>('GET', `${records}?limit=2`, ada);
  const next = await send<{ records: { id: string }[]; cursor?: string }>(
    'GET',
    `${records}?limit=2&cursor=${encodeURIComponent(first.cursor)}`,
    ada,
  );
  expect([...first.records, ...next.records].map(({ id }) => id)).toEqual([results[0]?.id, 'tea', 'third']);
  expect(next.cursor).toBeUndefined();
  const found = await send('POST', '/v1/memory/search', ada, { text: 'SECOND' });
  expect(found).toMatchObject({ searched: 3, records: [{ data: 'Second' }, { id: 'third' }] });
  expect(await send('DELETE', `${records}/third`, ada)).toEqual({ deleted: true });
  expect(await send('DELETE', `${records}/third`, ada)).toEqual({ deleted: false });
  expect(await send('GET', '/v1/messages', ada)).toEqual({ messages: [] });
  // No other user sees the record, neither in the same org nor in another one.
  for (const other of [bob, eve]) {
    expect(await send('GET', records, other)).toEqual({ records: [] });
    await expectProblem(await stack.http('GET', `${records}/tea`, { key: other.key }), 'record_not_found');
  }
});

describe('a request that is not of the documented form', () => {
  const add = (body: unknown) => ['POST', records, body] as const;
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  const cases: [string, readonly [string, string, unknown?], ErrorCode][] = [
    ['no data', add({}), 'invalid_request'],
    ['no body', ['POST', records], 'invalid_request'],
    ['an unknown field', add({ data: 1, user: 'x' }), 'invalid_request'],
    ['an id that climbs', add({ id: '../x', data: 1 }), 'invalid_request'],
    ['an id with a slash', add({ id: 'memory/x', data: 1 }), 'invalid_request'],
    ['an id that is empty', add({ id: '', data: 1 }), 'invalid_request'],
    ['an id that is too long', add({ id: 'x'.repeat(limits.recordIdLength + 1), data: 1 }), 'invalid_request'],
    ['an id that is a number', add({ id: 1, data: 1 }), 'invalid_request'],
    ['a __proto__ member', add('{"data":{"__proto__":1}}'), 'invalid_request'],
    ['a number out of range', add('{"data":[1e999]}'), 'invalid_request'],
    ['data that is nested too deep', add(`{"data":${nested(101)}}`), 'invalid_request'],
    ['data that is nested much too deep', add(`{"data":${nested(500_000)}}`), 'invalid_request'],
    ['data of 64 KiB and one byte', add({ data: 'x'.repeat(limits.recordBytes - 1) }), 'record_too_large'],
    ['a body over the limit', add({ data: 'x'.repeat(limits.requestBytes) }), 'request_too_large'],
    ['no items', ['POST', '/v1/memory/batch-add', { items: [] }], 'invalid_request'],
    ['101 items', ['POST', '/v1/memory/batch-add', { items: Array(101).fill({ data: 1 }) }], 'invalid_request'],
    [
      'an id twice',
      ['POST', '/v1/memory/batch-add', { items: Array(2).fill({ id: 'x', data: 1 }) }],
      'invalid_request',
    ],
    ['a replacement of nothing', ['PUT', `${records}/missing`, { data: 1 }], 'record_not_found'],
    ['a replacement without data', ['PUT', `${records}/stays`, {}], 'invalid_request'],
    ['a replacement of version 0', ['PUT', `${records}/stays`, { data: 1, ifVersion: 0 }], 'invalid_request'],
    ['a replacement of another version', ['PUT', `${records}/stays`, { data: 1, ifVersion: 2 }], 'version_conflict'],
    ['a short write id', ['PUT', `${records}/stays`, { data: 1, writeId: 'x' }], 'invalid_request'],
    ['an id in the path that can be none', ['GET', `${records}/..%2Fstays`], 'record_not_found'],
    ['an id in the path with a null', ['GET', `${records}/a%00`], 'record_not_found'],
    ['limit=0', ['GET', `${records}?limit=0`], 'invalid_request'],
    ['limit=1001', ['GET', `${records}?limit=1001`], 'invalid_request'],
    ['a cursor that is none', ['GET', `${records}?cursor=nonsense`], 'invalid_cursor'],
    ['a cursor of messages that is none', ['GET', '/v1/messages?cursor=nonsense'], 'invalid_cursor'],
    ['a search for nothing', ['POST', '/v1/memory/search', { text: '' }], 'invalid_request'],
    ['a search without a condition', ['POST', '/v1/memory/search', {}], 'invalid_request'],
    ['a search for too much', ['POST', '/v1/memory/search', { text: 'x'.repeat(257) }], 'invalid_request'],
    ['a search for half a character', ['POST', '/v1/memory/search', '{"text":"\\ud800"}'], 'invalid_request'],
    ['a search with an odd cursor', ['POST', '/v1/memory/search', { text: 'x', cursor: 'x' }], 'invalid_cursor'],
  ];
  beforeAll(async () => void (await send('POST', records, bob, { id: 'stays', data: 'as it is' })));
  const stored = async () =>
    JSON.stringify((await stack.allItems(table())).filter(({ id }) => id?.S?.startsWith(bob.user)));

  test.each(cases)('%s: the documented error, and nothing changed', async (_, [method, path, body], code) => {
    const before = await stored();
    const problem = await expectProblem(await stack.http(method, path, { key: bob.key, body }), code);
    if (code === 'invalid_request') expect(problem.errors ?? problem.detail).toBeTruthy();
    expect(await stored()).toBe(before);
  });
});

describe('who may', () => {
  const memoryRoutes = (Object.keys(routes) as RouteId[]).filter((id) => routes[id].group === 'memory');

  test.each(memoryRoutes)(
    '%s: only who opens a slot of that user, whatever else is wrong with the request',
    async (id) => {
      const { method, path } = routes[id];
      const at = path.replace('{id}', 'tea');
      const parsed = parseUserKey(ada.key) ?? expect.fail();
      const forged = { ...parsed, secret: parseUserKey(bob.key)?.secret ?? '' };
      const refused: [string | undefined, ErrorCode][] = [
        [undefined, 'missing_credential'],
        ['x', 'invalid_credential'],
        [org.adminKey, 'invalid_credential'],
        [org.agentKey, 'invalid_credential'],
        [ada.key.slice(0, -1), 'invalid_credential'],
        [formatUserKey(forged), 'invalid_credential'],
        [formatUserKey({ ...parsed, user: bob.user }), 'invalid_credential'],
        [formatUserKey({ ...parsed, org: eve.org }), 'invalid_credential'],
        [formatUserKey({ ...parsed, user: 'zzzzzzzzzzzzzzzz' }), 'invalid_credential'],
        [formatUserKey({ ...parsed, org: 'zzzzzzzzzzzzzzzz' }), 'invalid_credential'],
      ];
      for (const [key, code] of refused) {
        const options = method === 'GET' ? { key } : { key, body: { odd: 1 } };
        await expectProblem(await stack.http(method, at, options), code);
      }
    },
  );
});

describe('what a request costs, warm', () => {
  const calls = () => stack.requestCalls();
  const read = 'dynamodb BatchGetItem';
  const write = 'dynamodb PutItem';
  beforeAll(async () => {
    await send('POST', records, ada, { id: 'cost', data: 'x' });
    await send('GET', `${records}/cost`, ada);
  });
  beforeEach(() => stack.vault.calls.reset());

  test('a read: one DynamoDB read and one audit record, without KMS or STS', async () => {
    await send('GET', `${records}/cost`, ada);
    expect(calls()).toEqual([read, write]);
  });
  test('an addition: one read, one write, one audit record; repeated, one read more', async () => {
    await send('POST', records, ada, { id: 'more', data: 'x' });
    expect(calls()).toEqual([read, write, write]);
    stack.vault.calls.reset();
    await send('POST', records, ada, { id: 'more', data: 'x' });
    expect(calls()).toEqual([read, write, read, write]);
  });
  test('a replacement: one read, one write, one audit record', async () => {
    await send('PUT', `${records}/cost`, ada, { data: 'y' });
    expect(calls()).toEqual([read, write, write]);
  });
  test('a deletion: one read, one write, an audit record before and after it', async () => {
    await send('DELETE', `${records}/more`, ada);
    expect(calls()).toEqual([read, write, 'dynamodb DeleteItem', write]);
  });
  test('a list and a search: one query, then the keyring once more before anything is opened', async () => {
    await send('GET', records, ada);
    expect(calls()).toEqual([read, 'dynamodb Query', read, write]);
    stack.vault.calls.reset();
    await send('POST', '/v1/memory/search', ada, { text: 'y' });
    expect(calls()).toEqual([read, 'dynamodb Query', read, write]);
  });
});

test('the audit has who, what and which record; never what is in it or what was searched for', async () => {
  const made = await stack.newOrg();
  const user = await newUser(made.adminKey);
  const key = user.key;
  const failing = (method: string, path: string, body?: unknown) => stack.http(method, path, { key, body });
  await send('POST', records, user, { id: 'tea', data: 'SECRETMARK' });
  await failing('POST', records, { id: 'tea', data: 'SECRETMARK 2' });
  await send('POST', '/v1/memory/batch-add', user, {
    items: [
      { id: 'a', data: 'SECRETMARK' },
      { id: 'tea', data: 1 },
    ],
  });
  await send('GET', `${records}/tea`, user);
  await failing('GET', `${records}/SECRET%20MARK`);
  await send('POST', '/v1/memory/search', user, { text: 'SECRETMARK' });
  await failing('POST', '/v1/memory/search', '{"text":"SECRETMARK');
  await send('DELETE', `${records}/tea`, user);
  const answer = await stack.http('GET', '/v1/audit?limit=100', { key: made.adminKey });
  const said = (await answer.json()).records.filter(({ principal }: { principal: string }) =>
    principal.startsWith('user:'),
  );
  expect(said.map(({ route, verb, name, result }: Record<string, string>) => [route, verb, name, result])).toEqual([
    ['addMemory', 'memory.write', 'tea', 'ok'],
    ['addMemory', 'memory.write', 'tea', 'record_exists'],
    ['addMemories', 'memory.write', undefined, 'ok'],
    ['getMemory', 'memory.read', 'tea', 'ok'],
    ['getMemory', 'memory.read', undefined, 'record_not_found'],
    ['searchMemory', 'memory.read', undefined, 'ok'],
    ['searchMemory', 'memory.read', undefined, 'invalid_request'],
    ['deleteMemory', 'memory.delete', 'tea', 'started'],
    ['deleteMemory', 'memory.delete', 'tea', 'ok'],
  ]);
  expect(said[2]).toMatchObject({ names: ['a', 'tea'], failed: ['tea'], principal: `user:${user.user}` });
  // No other table contains the plaintext or a key.
  const tables = ['KeyringsTable', 'AuditTable', 'UserCustodyKeyringsTable', 'UserCustodyRecordsTable'] as const;
  for (const start of tables) {
    expect(JSON.stringify(await stack.allItems(stack.table(start)))).not.toMatch(/SECRET.?MARK|anm_/);
  }
  expect(stack.vault.logs()).toContain('searchMemory');
  expect(stack.vault.logs()).not.toMatch(/SECRET.?MARK|anm_/);
});

describe('items that were changed in the table', () => {
  const failed = async (user: User, id: string) => {
    await expectProblem(await stack.http('GET', `${records}/${id}`, { key: user.key }), 'decryption_failed');
    const { damaged } = await send<{ damaged?: string[] }>('GET', records, user);
    expect(damaged).toEqual([id]);
    // A record that cannot be decrypted can be deleted.
    expect(await send('DELETE', `${records}/${id}`, user)).toEqual({ deleted: true });
  };

  test('moved to another id, user, org, collection or version, cut or emptied: they do not open, and stand in no other’s way', async () => {
    await send('POST', records, ada, { id: 'moved', data: 'secret of ada' });
    const item = await itemOf(ada, 'moved');
    const put = (user: User, id: string, change: Item = {}) =>
      stack.putItem(table(), { ...item, org: { S: user.org }, id: { S: itemId(user, id) }, ...change });
    for (const user of [bob, eve]) {
      await put(user, 'moved');
      await failed(user, 'moved');
    }
    const changes: Item[] = [
      { version: { N: '2' } },
      { version: { S: '1' } },
      { data: { S: `${item.data?.S?.slice(0, -4)}` } },
    ];
    changes.push({ data: { S: '' } }, { data: { N: '1' } }, { version: { N: '123456789012345678901234567890' } });
    for (const change of changes) {
      await put(bob, 'moved', change);
      await failed(bob, 'moved');
    }
    await put(ada, 'other');
    await failed(ada, 'other');
    await stack.putItem(table(), { ...item, id: { S: `${ada.user}/messages/moved` } });
    expect(await send('GET', '/v1/messages', ada)).toEqual({ messages: [], damaged: ['moved'] });
    expect(await send('GET', `${records}/moved`, ada)).toMatchObject({ data: 'secret of ada' });
  });

  test('an earlier version that is put back whole opens as what it was: versions are bound, their order is not', async () => {
    await send('POST', records, ada, { id: 'old', data: 'first' });
    const item = await itemOf(ada, 'old');
    await send('PUT', `${records}/old`, ada, { data: 'second' });
    await stack.putItem(table(), item);
    expect(await send('GET', `${records}/old`, ada)).toMatchObject({ version: 1, data: 'first' });
  });
});

test('an org that is shredded has no users any more: no keyring, locator or record, and its receipt says so', async () => {
  const made = await stack.newOrg();
  const users = await Promise.all([newUser(made.adminKey), newUser(made.adminKey)]);
  for (const user of users) await send('POST', records, user, { id: 'tea', data: 'green' });
  const before = await stack.allItems(stack.table('UserCustodyKeyringsTable'));
  await shredNow(stack, made, 3);
  for (const { key } of users) await expectProblem(await stack.http('GET', `${records}/tea`, { key }), 'org_locked');
  expect(await stack.allItems(stack.table('UserCustodyKeyringsTable'))).toHaveLength(before.length);
  const answer = await shredNow(stack, made);
  const { keys } = await (await stack.http('GET', '/.well-known/jwks.json')).json();
  const receipt = verifyJws(answer.receipts[0] ?? '', keys, shredReceiptJwsType) as ShredReceipt | undefined;
  expect(receipt).toMatchObject({ final: true, users: { keyrings: 0, records: 0, complete: true } });
  for (const start of ['UserCustodyKeyringsTable', 'UserCustodyRecordsTable'] as const) {
    const items = await stack.allItems(stack.table(start));
    expect(items.filter((item) => item.org?.S === made.org)).toEqual([]);
    expect(items.length).toBeGreaterThan(0);
  }
  for (const user of users) {
    for (const path of [`${records}/tea`, records]) {
      await expectProblem(await stack.http('GET', path, { key: user.key }), 'invalid_credential');
    }
    await expectProblem(await stack.http('POST', records, { key: user.key, body: { data: 1 } }), 'invalid_credential');
  }
  // A copy of the records alone restores nothing, because no keyring is left that a key could open.
  await expectProblem(await stack.http('POST', '/v1/users', { key: made.adminKey }), 'org_shredded');
});
