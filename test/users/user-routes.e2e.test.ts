/** User routes over real HTTP with the deployed template: authentication, audit records, and the number of calls. */
import { randomBytes } from 'node:crypto';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuditRecord } from '../../contract/audit/wire.ts';
import { type RouteId, routes } from '../../contract/routes.ts';
import type { ErrorCode } from '../../contract/shared/error-codes.ts';
import { limits } from '../../contract/shared/limits.ts';
import { encodeKeySecret } from '../../core/api-keys/api-key.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { formatSessionToken, parseSessionToken } from '../../core/users/session-token.ts';
import { formatUserKey, parseUserKey } from '../../core/users/user-key.ts';
import type { EngineCall, InjectedFault } from '../../local/aws/endpoint/engine-hooks.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { propertyNames } from '../shared/property-names.ts';
import { sessionTokenOf } from './in-memory-users.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
const password = 'correct horse battery';

type UserRoute = { [Id in RouteId]: (typeof routes)[Id]['auth'] extends 'user' ? Id : never }[RouteId];
interface Row {
  readonly path: string;
  readonly body?: unknown;
}
const memory = '/v1/memory/records';
/** For every user route, a request that changes nothing another row needs. A route without a row does not compile. */
const rows: Record<UserRoute, Row> = {
  getAccount: { path: '/v1/account' },
  changeUserKey: { path: '/v1/account/key', body: { newKey: 'odd' } },
  setPassword: { path: '/v1/account/password', body: { login: '!', password } },
  removePassword: { path: '/v1/account/password' },
  startLink: { path: '/v1/account/link', body: {} },
  removeSlot: { path: `/v1/account/slots/${'z'.repeat(16)}` },
  deleteAccount: { path: '/v1/account' },
  logOut: { path: '/v1/sessions' },
  addMemory: { path: memory, body: { data: 'SECRETMARK' } },
  addMemories: { path: '/v1/memory/batch-add', body: { items: [{ id: 'a', data: 'SECRETMARK' }] } },
  listMemory: { path: memory },
  getMemory: { path: `${memory}/none` },
  replaceMemory: { path: `${memory}/none`, body: { data: 'SECRETMARK' } },
  deleteMemory: { path: `${memory}/none` },
  searchMemory: { path: '/v1/memory/search', body: { text: 'SECRETMARK' } },
  listMessages: { path: '/v1/messages' },
  explainOwn: { path: '/v1/account/explain?ref=memory:x/y' },
  createDeviceVault: { path: '/v1/device-vaults', body: { vault: 'SECRETMARK', entry: 'AAAA', wraps: 'AAAA' } },
  listDeviceVaults: { path: '/v1/device-vaults' },
  deleteDeviceVault: { path: '/v1/device-vaults/none' },
  getDeviceRecovery: { path: '/v1/device-vaults/none/recovery' },
  getPairing: { path: '/v1/device-vaults/none/pairings/none' },
  putNewDeviceMessage: { path: '/v1/device-vaults/none/pairings/none/new/1', body: { message: 'AAAA' } },
};
const ids = Object.keys(rows) as UserRoute[];

const admin = () => stack.vault.adminKey;
const call = (id: UserRoute, key: string | undefined, headers: Record<string, string> = {}) =>
  stack.http(routes[id].method, rows[id].path, { key, body: rows[id].body, headers });
/** Calls a route with a session, and with the password that confirms some operations. */
const confirmed = (id: UserRoute, token: string, currentPassword = password) =>
  stack.http(routes[id].method, rows[id].path, { body: { currentPassword }, headers: cookie(token) });
const cookie = (token: string) => ({ cookie: `__Host-anima=${token}` });

async function newUser(by = admin()): Promise<{ user: string; key: string }> {
  const answer = await stack.http('POST', '/v1/users', { key: by, body: {} });
  expect(answer.status).toBe(201);
  return await answer.json();
}
async function logIn(org: string, login: string, text = password): Promise<Response> {
  return await stack.http('POST', '/v1/sessions', { body: { org, login, password: text } });
}
/** Creates a user with a login and logs in. */
async function newSession(login: string) {
  const made = await newUser();
  const { org } = parseUserKey(made.key) ?? expect.fail();
  const set = await stack.http('PUT', '/v1/account/password', { key: made.key, body: { login, password } });
  expect(set.status).toBe(200);
  const answer = await logIn(org, login);
  expect(answer.status).toBe(200);
  return { ...made, org, token: sessionTokenOf(answer.headers.getSetCookie()[0] ?? '') };
}
const records = async (): Promise<AuditRecord[]> =>
  (await (await stack.http('GET', '/v1/audit?limit=1000', { key: admin() })).json()).records;

beforeEach(() => stack.vault.setHooks());

describe('who is let in', () => {
  let user: Awaited<ReturnType<typeof newSession>>;
  let other: Awaited<ReturnType<typeof newSession>>;
  const keys: Record<string, [string | undefined, Record<string, string>, ErrorCode]> = {};
  beforeAll(async () => {
    [user, other] = [await newSession('ada'), await newSession('grace')];
    const stranger = await newUser((await stack.newOrg()).adminKey);
    const [own, theirs, strange] = [user.key, other.key, stranger.key].map((key) => parseUserKey(key) ?? expect.fail());
    const [session, second] = [user.token, other.token].map((token) => parseSessionToken(token) ?? expect.fail());
    if (own === undefined || theirs === undefined || strange === undefined) expect.fail();
    if (session === undefined || second === undefined) expect.fail();
    const bad = 'invalid_credential';
    const none = 'missing_credential';
    Object.assign(keys, {
      'nothing at all': [undefined, {}, none],
      'another scheme': [undefined, { authorization: `Basic ${btoa(user.key)}` }, none],
      'no token': [undefined, { authorization: 'Bearer' }, none],
      "the org's own API key": [admin(), {}, bad],
      'a key cut short': [user.key.slice(0, -1), {}, bad],
      'a key with something after it': [`${user.key} x`, {}, bad],
      'a key of a secret of its own': [formatUserKey({ ...own, secret: encodeKeySecret(randomBytes(32)) }), {}, bad],
      "another user's secret": [formatUserKey({ ...own, secret: theirs.secret }), {}, bad],
      "another user's id": [formatUserKey({ ...own, user: theirs.user }), {}, bad],
      'a user who does not exist': [formatUserKey({ ...own, user: randomId() }), {}, bad],
      "another org's id": [formatUserKey({ ...own, org: strange.org }), {}, bad],
      "another org's user": [formatUserKey({ ...own, org: strange.org, user: strange.user }), {}, bad],
      'an org that does not exist': [formatUserKey({ ...own, org: randomId() }), {}, bad],
      'a bad key beside a good session': ['anm_odd', cookie(user.token), bad],
      'a session cut short': [undefined, cookie(user.token.slice(0, -1)), bad],
      'an empty cookie': [undefined, cookie(''), bad],
      'two cookies of the name': [
        undefined,
        { cookie: `__Host-anima=${user.token}; __Host-anima=${other.token}` },
        bad,
      ],
      'one cookie twice': [undefined, { cookie: `__Host-anima=${user.token}; __Host-anima=${user.token}` }, bad],
      'a cookie of another name': [undefined, { cookie: `anima=${user.token}; __Host-animas=${user.token}` }, none],
      "another session's secret": [undefined, cookie(formatSessionToken({ ...session, secret: second.secret })), bad],
      "another session's slot": [undefined, cookie(formatSessionToken({ ...session, slot: second.slot })), bad],
      "a session under another user's name": [
        undefined,
        cookie(formatSessionToken({ ...session, user: second.user })),
        bad,
      ],
      'a session as a bearer token': [user.token, {}, bad],
      'a key as a cookie': [undefined, cookie(user.key), bad],
      'a session from a page of another site': [
        undefined,
        { ...cookie(user.token), 'sec-fetch-site': 'cross-site' },
        'forbidden',
      ],
      'a session from a sibling host': [
        undefined,
        { ...cookie(user.token), 'sec-fetch-site': 'same-site' },
        'forbidden',
      ],
    } satisfies typeof keys);
  });

  test.each(ids)('%s lets in nobody else, whatever else is wrong with the request', async (id) => {
    for (const [label, [key, headers, code]] of Object.entries(keys)) {
      await expectProblem(await call(id, key, headers), code).catch((error) => expect.fail(`${label}: ${error}`));
    }
    const [path] = rows[id].path.split('?');
    const body = routes[id].method === 'GET' || rows[id].body === undefined ? undefined : '{"odd';
    for (const key of [undefined, admin()]) {
      const answer = await stack.http(routes[id].method, `${path}?odd=1`, { key, body });
      await expectProblem(answer, key === undefined ? 'missing_credential' : 'invalid_credential');
    }
  });

  test.each(ids.filter((id) => id !== 'deleteAccount' && id !== 'logOut' && id !== 'removePassword'))(
    '%s lets in the key, and the session from pages of its own and from programs',
    async (id) => {
      const good = [
        [user.key, {}],
        [undefined, cookie(user.token)],
        [undefined, { ...cookie(user.token), 'sec-fetch-site': 'same-origin' }],
        [user.key, { 'sec-fetch-site': 'cross-site' }],
        [user.key, cookie('odd')],
      ] as const;
      for (const [key, headers] of good) {
        const { status } = await call(id, key, headers);
        // The request passes authentication. It may still fail with a validation or not-found error, because some rows
        // name no existing slot or session.
        expect([401, 500, 503], id).not.toContain(status);
      }
    },
  );

  test('a session can not be used by a form: a body of another type is refused', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const headers = { ...cookie(user.token), 'content-type': type };
      for (const id of ['startLink', 'setPassword', 'addMemory'] as const) {
        await expectProblem(await call(id, undefined, headers), 'unsupported_media_type');
      }
      const body = { org: user.org, login: 'ada', password };
      const answer = await stack.http('POST', '/v1/sessions', { body, headers: { 'content-type': type } });
      await expectProblem(answer, 'unsupported_media_type');
    }
    const body = { org: user.org, login: 'ada', password };
    const headers = { 'sec-fetch-site': 'cross-site' };
    await expectProblem(await stack.http('POST', '/v1/sessions', { body, headers }), 'forbidden');
  });

  test('a user key is nothing to the routes of the org', async () => {
    for (const path of ['/v1/org', '/v1/vault/values', '/v1/users', '/v1/keys']) {
      await expectProblem(await stack.http('GET', path, { key: user.key }), 'invalid_api_key');
      await expectProblem(await stack.http('GET', path, { headers: cookie(user.token) }), 'missing_api_key');
    }
  });

  test('nobody by a slot that was edited in the table, or put back there', async () => {
    const made = await newSession('edited');
    const id = parseSessionToken(made.token)?.slot ?? '';
    const table = stack.table('UserCustodyKeyringsTable');
    const at = { org: made.org, id: `user/${made.user}` };
    const item = unmarshall(await stack.getItem(table, at));
    const later = new Date(Date.now() + 10 * limits.sessionSeconds * 1000).toISOString();
    const { [id]: slot, ...slots } = item.slots;
    const opensNoSlot = [
      { ...item, slots: { ...slots, [id]: { ...slot, expiresAt: later } } },
      { ...item, slots: { ...slots, [id]: { ...slot, createdAt: later } } },
      { ...item, slots: { ...slots, [randomId()]: slot } },
      { ...item, state: 'deleted', deletedAt: later },
      { org: at.org, id: at.id },
    ];
    // The session opens its own slot, so its holder is told that the rest of the record is damaged.
    const damaged = [
      { ...item, slots: { [id]: slot } },
      { ...item, generation: item.generation + 1 },
      { ...item, generation: item.generation - 1 },
      { ...item, createdAt: later },
      { ...item, mac: Buffer.alloc(32).toString('base64') },
    ];
    for (const [edits, code] of [
      [opensNoSlot, 'invalid_credential'],
      [damaged, 'decryption_failed'],
    ] as const) {
      for (const edited of edits) {
        await stack.putItem(table, marshall(edited));
        await expectProblem(await call('getAccount', undefined, cookie(made.token)), code);
      }
    }
    await stack.putItem(table, marshall(item));
    expect((await call('getAccount', undefined, cookie(made.token))).status).toBe(200);
    expect((await call('logOut', undefined, cookie(made.token))).status).toBe(200);
    const after = unmarshall(await stack.getItem(table, at));
    await stack.putItem(table, marshall({ ...after, slots: { ...after.slots, [id]: slot } }));
    await expectProblem(await call('getAccount', undefined, cookie(made.token)), 'decryption_failed');
    await expectProblem(await call('getAccount', made.key), 'decryption_failed');
  });
});

describe('the life of a user', () => {
  test('from its key to a password, a session, a code, and its end', async () => {
    const { org, user, key, token } = await newSession('life');
    const account = await (await call('getAccount', key)).json();
    expect(account).toMatchObject({ org, user, state: 'active' });
    expect(account.slots.map(({ kind }: { kind: string }) => kind).sort()).toEqual([
      'credential',
      'password',
      'session',
    ]);
    expect(propertyNames(account).join()).not.toMatch(/wrapped|locator|salt|verifier|mac/);
    const { code, expiresAt } = await (await confirmed('startLink', token)).json();
    expect(code).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan((limits.linkCodeSeconds - 60) * 1000);

    const out = await call('logOut', undefined, cookie(token));
    expect(await out.json()).toEqual({ ended: true });
    expect(out.headers.getSetCookie()).toEqual(['__Host-anima=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0']);
    await expectProblem(await call('getAccount', undefined, cookie(token)), 'invalid_credential');
    const byKey = await call('logOut', key);
    expect([await byKey.json(), byKey.headers.getSetCookie()]).toEqual([{ ended: false }, []]);

    const again = sessionTokenOf((await logIn(org, 'life')).headers.getSetCookie()[0] ?? '');
    const gone = await confirmed('removePassword', again);
    expect(gone.headers.getSetCookie()[0]).toContain('Max-Age=0');
    await expectProblem(await call('getAccount', undefined, cookie(again)), 'invalid_credential');
    await expectProblem(await logIn(org, 'life'), 'login_refused');

    const parsed = parseUserKey(key) ?? expect.fail();
    const newKey = formatUserKey({ ...parsed, secret: encodeKeySecret(randomBytes(32)) });
    const change = (by: string) => stack.http('POST', '/v1/account/key', { key: by, body: { newKey } });
    expect((await change(key)).status).toBe(200);
    await expectProblem(await change(key), 'invalid_credential');
    expect((await change(newKey)).status).toBe(200);

    expect(await (await call('deleteAccount', newKey)).json()).toMatchObject({ deleted: true });
    await expectProblem(await call('getAccount', newKey), 'invalid_credential');
    const repeated = await stack.http('DELETE', `/v1/users/${user}`, { key: admin() });
    expect(await repeated.json()).toMatchObject({ deleted: false });
    const { users } = await (await stack.http('GET', '/v1/users?limit=1000', { key: admin() })).json();
    expect(users.find((one: { user: string }) => one.user === user)).toMatchObject({ state: 'deleted', slots: [] });
  });

  test('leaves records by its id, and nothing that opens or finds it', async () => {
    const { user, key, token, org } = await newSession('recorded-login');
    await call('getAccount', undefined, cookie(token));
    await logIn(org, 'recorded-login', 'a wrong password');
    await logIn(org, 'nobody-has-this', 'a wrong password');
    await call('removeSlot', key);
    await stack.http('DELETE', `/v1/users/${user}`, { key: admin() });
    const all = await records();
    const own = all.filter(({ principal }) => principal === `user:${user}`);
    expect(own.map(({ route, verb, result }) => [route, verb, result])).toEqual([
      ['setPassword', 'account.write', 'started'],
      ['setPassword', 'account.write', 'ok'],
      ['logIn', 'sessions.start', 'ok'],
      ['getAccount', 'account.read', 'ok'],
      ['removeSlot', 'account.write', 'started'],
      ['removeSlot', 'account.write', 'slot_not_found'],
    ]);
    const made = all.filter(({ name }) => name === user).map(({ route }) => route);
    expect(made).toEqual(['createUser', 'deleteUser', 'deleteUser']);
    const secret = parseUserKey(key)?.secret ?? '';
    for (const text of [secret, token.slice(-43), 'recorded-login', 'nobody-has-this', password, '__Host']) {
      expect(JSON.stringify(all)).not.toContain(text);
    }
    // A failed login authenticates nobody, so it leaves no record.
    expect(all.filter(({ route, result }) => route === 'logIn' && result !== 'ok')).toEqual([]);
  });

  test('in an org of its own: no other org sees, lists or deletes it', async () => {
    const made = await newUser();
    const other = await stack.newOrg();
    await expectProblem(
      await stack.http('DELETE', `/v1/users/${made.user}`, { key: other.adminKey }),
      'user_not_found',
    );
    const { users } = await (await stack.http('GET', '/v1/users', { key: other.adminKey })).json();
    expect(users).toEqual([]);
    const [first] = (await (await stack.http('GET', '/v1/users?limit=1', { key: admin() })).json()).users;
    expect(first).toBeDefined();
    expect((await call('getAccount', made.key)).status).toBe(200);
  });

  test('waits to begin in an org that is locked, and opens nothing there', async () => {
    const { adminKey, org } = await stack.newOrg();
    const made = await newUser(adminKey);
    await stack.http('PUT', '/v1/account/password', { key: made.key, body: { login: 'ada', password } });
    const body = { confirm: org, waitDays: 1 };
    expect((await stack.http('POST', '/v1/org/shred', { key: adminKey, body })).status).toBe(200);
    await expectProblem(await call('getAccount', made.key), 'org_locked');
    await expectProblem(await logIn(org, 'ada'), 'login_refused');
    await expectProblem(await stack.http('POST', '/v1/users', { key: adminKey, body: {} }), 'org_locked');
    // The key was genuine, so its refused use is on record; a login that was refused proves nothing.
    const { records: left } = await (await stack.http('GET', '/v1/audit?limit=1000', { key: adminKey })).json();
    const refusals = left.filter(({ result }: { result: string }) => result === 'org_locked');
    expect(refusals.map(({ route, principal }: AuditRecord) => [route, principal === `user:${made.user}`])).toEqual([
      ['getAccount', true],
      ['createUser', false],
    ]);
    await stack.http('DELETE', '/v1/org/shred', { key: adminKey });
    expect((await logIn(org, 'ada')).status).toBe(200);
  });
});

describe('a session alone', () => {
  test('can not make the account its own, nor end it: for that the password is asked for', async () => {
    const { org, key, token } = await newSession('stolen');
    const { slots } = await (await call('getAccount', key)).json();
    const own = slots.find(({ kind }: { kind: string }) => kind === 'credential').id;
    const tries: [string, string][] = [
      ['POST', '/v1/account/link'],
      ['DELETE', `/v1/account/slots/${own}`],
      ['DELETE', '/v1/account/password'],
      ['DELETE', '/v1/account'],
    ];
    const before = await (await call('getAccount', key)).text();
    for (const [method, path] of tries) {
      const send = (body?: unknown) => stack.http(method, path, { body, headers: cookie(token) });
      for (const body of [undefined, {}]) {
        const problem = await expectProblem(await send(body), 'invalid_request');
        expect(problem.errors).toEqual([
          { path: 'currentPassword', message: 'is required for this operation with a session' },
        ]);
      }
      await expectProblem(await send({ currentPassword: 'another horse' }), 'login_refused');
      await expectProblem(await send({ currentPassword: 7 }), 'invalid_request');
      await expectProblem(await send({ currentPassword: password, more: 1 }), 'invalid_request');
    }
    await expectProblem(
      await stack.http('PUT', '/v1/account/password', { body: { login: 'eve', password }, headers: cookie(token) }),
      'invalid_request',
    );
    const newKey = formatUserKey({ ...(parseUserKey(key) ?? expect.fail()), secret: encodeKeySecret(randomBytes(32)) });
    const change = await stack.http('POST', '/v1/account/key', { body: { newKey }, headers: cookie(token) });
    await expectProblem(change, 'forbidden');
    expect(await (await call('getAccount', key)).text()).toBe(before);
    // With a user key, the password is ignored.
    const link = await stack.http('POST', '/v1/account/link', { key, body: { currentPassword: 'another horse' } });
    expect(link.status).toBe(200);
    for (const [method, path] of tries
      .toSorted(([, a], [, b]) => b.localeCompare(a))
      .filter(([, one]) => one !== '/v1/account/password')) {
      const answer = await stack.http(method, path, { body: { currentPassword: password }, headers: cookie(token) });
      expect(answer.status, path).toBe(200);
    }
    await expectProblem(await logIn(org, 'stolen'), 'login_refused');
  });
});

describe('a deletion that can not be handed on', () => {
  test('says that the user is deleted, and what is left to do; the org does it', async () => {
    const { user, key } = await newUser();
    const fault: InjectedFault = { type: 'InternalError', status: 500, message: 'no' };
    stack.vault.setHooks({ before: ({ service }) => (service === 'sqs' ? fault : undefined) });
    const answer = await call('deleteAccount', key);
    stack.vault.setHooks();
    const { detail } = await expectProblem(answer, 'unavailable');
    expect(detail).toContain('The user is deleted');
    expect(detail).toContain(`DELETE /v1/users/${user}`);
    await expectProblem(await call('getAccount', key), 'invalid_credential');
    const again = await stack.http('DELETE', `/v1/users/${user}`, { key: admin() });
    expect(await again.json()).toMatchObject({ deleted: false });
  });
});

test('a user whose record is damaged stands in nobody’s way: it is listed and deleted', async () => {
  const { adminKey, org } = await stack.newOrg();
  const [one, two] = [await newUser(adminKey), await newUser(adminKey)];
  const table = stack.table('UserCustodyKeyringsTable');
  const at = { org, id: `user/${one.user}` };
  await stack.putItem(table, marshall({ ...at, state: 'active', slots: { odd: 1 } }));
  const list = async () => (await (await stack.http('GET', '/v1/users', { key: adminKey })).json()).users;
  expect(await list()).toContainEqual({ user: one.user, state: 'damaged', slots: [] });
  expect(await list()).toContainEqual(expect.objectContaining({ user: two.user, state: 'active' }));
  await expectProblem(await call('getAccount', one.key), 'invalid_credential');
  expect((await stack.http('DELETE', `/v1/users/${one.user}`, { key: adminKey })).status).toBe(200);
  expect(await list()).toContainEqual(expect.objectContaining({ user: one.user, state: 'deleted' }));
});

describe('input that is not of the documented form', () => {
  const cases: [string, readonly [string, string, unknown?], ErrorCode][] = [
    ['a login of two letters', ['PUT', '/v1/account/password', { login: 'ab', password }], 'invalid_request'],
    ['a login of another script', ['PUT', '/v1/account/password', { login: 'аda', password }], 'invalid_request'],
    ['a short password', ['PUT', '/v1/account/password', { login: 'ada', password: '1234567' }], 'invalid_request'],
    [
      'a long password',
      ['PUT', '/v1/account/password', { login: 'ada', password: 'x'.repeat(257) }],
      'invalid_request',
    ],
    [
      'half a character',
      ['PUT', '/v1/account/password', `{"login":"ada","password":"12345678\\ud800"}`],
      'invalid_request',
    ],
    ['a key that is none', ['POST', '/v1/account/key', { newKey: 'x' }], 'invalid_request'],
    ['no key', ['POST', '/v1/account/key', {}], 'invalid_request'],
    ['a field too many', ['POST', '/v1/account/link', { code: 'x' }], 'invalid_request'],
    ['a slot that can be none', ['DELETE', '/v1/account/slots/..%2Fx'], 'slot_not_found'],
    ['an unknown query', ['GET', '/v1/account?x=1'], 'invalid_request'],
    ['a login without an org', ['POST', '/v1/sessions', { login: 'ada', password }], 'invalid_request'],
    [
      'a login of an org that can be none',
      ['POST', '/v1/sessions', { org: '../x', login: 'ada', password }],
      'login_refused',
    ],
    [
      'a login of an org that is none',
      ['POST', '/v1/sessions', { org: 'z'.repeat(16), login: 'ada', password }],
      'login_refused',
    ],
    ['a login with a number', ['POST', '/v1/sessions', { org: 'z'.repeat(16), login: 7, password }], 'invalid_request'],
  ];
  test.each(cases)('%s gets the documented error and changes nothing', async (_, [method, path, body], code) => {
    const { key } = await newUser();
    const before = await (await call('getAccount', key)).text();
    await expectProblem(await stack.http(method, path, { key, body }), code);
    expect(await (await call('getAccount', key)).text()).toBe(before);
  });

  test('and of users of an org likewise', async () => {
    const key = admin();
    await expectProblem(await stack.http('POST', '/v1/users', { key, body: { id: 'x' } }), 'invalid_request');
    await expectProblem(await stack.http('GET', '/v1/users?limit=0', { key }), 'invalid_request');
    await expectProblem(await stack.http('GET', '/v1/users?cursor=x', { key }), 'invalid_cursor');
    for (const id of ['x', '..%2Fx', randomId()]) {
      await expectProblem(await stack.http('DELETE', `/v1/users/${id}`, { key }), 'user_not_found');
    }
  });

  test('too many attempts are told how long to wait', async () => {
    const { org } = parseUserKey((await newUser()).key) ?? expect.fail();
    for (let n = 0; n < limits.loginAttempts; n++) await expectProblem(await logIn(org, 'guessed'), 'login_refused');
    const answer = await logIn(org, 'guessed');
    const wait = Number(answer.headers.get('retry-after'));
    expect(wait).toBeGreaterThan(limits.loginWindowSeconds - 60);
    expect(wait).toBeLessThanOrEqual(limits.loginWindowSeconds);
    expect(Object.keys(await answer.clone().json())).not.toContain('retryAfterSeconds');
    await expectProblem(answer, 'too_many_attempts');
  });
});

describe('when the record can not be written', () => {
  const isRecord = ({ action, input }: EngineCall) =>
    action === 'PutItem' && String(Reflect.get(Object(input), 'TableName')).includes('Audit');
  const fault: InjectedFault = { type: 'AccessDeniedException', status: 400, message: 'no' };
  const failing = () => stack.vault.setHooks({ before: (made) => (isRecord(made) ? fault : undefined) });

  test.each(ids)('%s answers 503, discloses nothing and sets no cookie', async (id) => {
    const { key, token } = await newSession(`audit-${id.toLowerCase()}`);
    for (const headers of [{ authorization: `Bearer ${key}` }, cookie(token)]) {
      failing();
      const answer = await call(id, undefined, headers);
      stack.vault.setHooks();
      const text = await answer.clone().text();
      // If the first request deleted or ended the credentials, the second request cannot authenticate.
      const code: ErrorCode = text.includes('invalid_credential') ? 'invalid_credential' : 'audit_unavailable';
      if ('authorization' in headers) expect(code).toBe('audit_unavailable');
      await expectProblem(answer, code);
      expect(answer.headers.getSetCookie()).toEqual([]);
      expect(text).not.toMatch(/SECRETMARK|slots|deletedAt/);
    }
  });

  test('a login gets no session', async () => {
    const { org } = await newSession('unrecorded');
    failing();
    const answer = await logIn(org, 'unrecorded');
    stack.vault.setHooks();
    expect(answer.headers.getSetCookie()).toEqual([]);
    await expectProblem(answer, 'audit_unavailable');
  });
});

describe('what it costs', () => {
  const made = () => stack.requestCalls();
  let user: Awaited<ReturnType<typeof newSession>>;
  beforeAll(async () => {
    user = await newSession('costs');
  });

  test('an account read is one read and one audit record; no KMS, whether by key or by session', async () => {
    for (const [key, headers] of [
      [user.key, {}],
      [undefined, cookie(user.token)],
    ] as const) {
      stack.vault.calls.reset();
      expect((await call('getAccount', key, headers)).status).toBe(200);
      expect(made()).toEqual(['dynamodb BatchGetItem', 'dynamodb PutItem']);
    }
  });

  /** The limits of the address and the organization, which come first. */
  const limited = ['dynamodb UpdateItem', 'dynamodb BatchGetItem', 'dynamodb UpdateItem'];

  test('a login to an organization that does not exist is one count and one read', async () => {
    await expectProblem(await logIn(randomId(), 'costs'), 'login_refused');
    stack.vault.calls.reset();
    await expectProblem(await logIn(randomId(), 'costs'), 'login_refused');
    expect(made().filter((call) => !call.startsWith('sts'))).toEqual(['dynamodb UpdateItem', 'dynamodb BatchGetItem']);
  });

  test('a login is two MACs, eight calls of the tables and one audit record', async () => {
    stack.vault.calls.reset();
    expect((await logIn(user.org, 'costs')).status).toBe(200);
    expect(made()).toEqual([
      ...limited,
      'kms GenerateMac',
      'dynamodb UpdateItem',
      'dynamodb GetItem',
      'dynamodb BatchGetItem',
      'kms GenerateMac',
      'dynamodb PutItem',
      'dynamodb DeleteItem',
      'dynamodb PutItem',
    ]);
  });

  test('a wrong password costs what an unknown login costs, and takes about as long', async () => {
    const times: Record<string, number[]> = { costs: [], 'no-such-login': [] };
    for (let n = 0; n < 8; n++) {
      for (const [login, list] of Object.entries(times)) {
        stack.vault.calls.reset();
        const started = performance.now();
        await expectProblem(await logIn(user.org, login, 'a wrong password'), 'login_refused');
        list.push(performance.now() - started);
        expect(made()).toEqual([
          ...limited,
          'kms GenerateMac',
          'dynamodb UpdateItem',
          'dynamodb GetItem',
          'dynamodb BatchGetItem',
          'kms GenerateMac',
        ]);
      }
    }
    const [wrong, unknown] = Object.values(times).map((list) => list.toSorted((a, b) => a - b)[3] ?? 0);
    const ratio = (wrong ?? 0) / (unknown ?? 1);
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(2);
  });
});

describe('lost replies', () => {
  const losing = (action: string, table: string, times = 1) => {
    let left = times;
    const isIt = (made: EngineCall) =>
      made.action === action && String(Reflect.get(Object(made.input), 'TableName')).includes(table);
    stack.vault.setHooks({ before: (made) => (isIt(made) && left-- > 0 ? 'drop-after' : undefined) });
  };

  test('of writes to the keyring are found out: each change is made once and succeeds', async () => {
    losing('PutItem', 'UserCustodyKeyrings');
    const { key } = await newUser();
    const parsed = parseUserKey(key) ?? expect.fail();
    const newKey = formatUserKey({ ...parsed, secret: encodeKeySecret(randomBytes(32)) });
    losing('PutItem', 'UserCustodyKeyrings');
    expect((await stack.http('POST', '/v1/account/key', { key, body: { newKey } })).status).toBe(200);
    losing('PutItem', 'UserCustodyKeyrings');
    const body = { login: 'lost-reply', password };
    expect((await stack.http('PUT', '/v1/account/password', { key: newKey, body })).status).toBe(200);
    losing('PutItem', 'UserCustodyKeyrings', 2);
    const { code } = await (await stack.http('POST', '/v1/account/link', { key: newKey, body: {} })).json();
    expect(code).toBeTruthy();
    stack.vault.setHooks();
    const { slots } = await (await call('getAccount', newKey)).json();
    expect(slots.map(({ kind }: { kind: string }) => kind).sort()).toEqual(['credential', 'link', 'password']);
    losing('PutItem', 'UserCustodyKeyrings');
    expect(await (await call('deleteAccount', newKey)).json()).toMatchObject({ deleted: true });
  });
});

test('no engine but KMS sees a login name, and nothing at all a password or token', async () => {
  const seen: string[] = [];
  stack.vault.setHooks({ before: ({ service, input }) => void seen.push(`${service} ${JSON.stringify(input)}`) });
  const { token, key } = await newSession('engine-canary');
  await call('getAccount', undefined, cookie(token));
  stack.vault.setHooks();
  const secret = parseUserKey(key)?.secret ?? '';
  for (const text of [password, token, token.slice(-43), secret]) expect(seen.join('\n')).not.toContain(text);
  expect(seen.filter((line) => line.includes('engine-canary') && !line.startsWith('kms'))).toEqual([]);
});
