import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { routeSchemas } from '../../contract/route-schemas.ts';
import { type ClientRouteId, routes } from '../../contract/routes.ts';
import { problemMediaType } from '../../contract/shared/error-codes.ts';
import { BatchResult } from '../../sdk/src/http/batch-runner.ts';
import { Anima } from '../../sdk/src/index.ts';
import {
  apiKey,
  baseURL,
  clientOf,
  fakeFetch,
  info,
  json,
  owner,
  type SentRequest,
  userClientOf,
  userKey,
} from './fake-fetch.ts';

const value = { ...info('a/b', 2), expiresAt: '2027-01-01T00:00:00Z', metadata: { team: 'ops' }, value: 'v' };
const { value: _, ...valueInfo } = value;
const full = { metadata: { team: 'ops' }, expiresIn: 60, ifVersion: 1, writeId: 'w'.repeat(64) };

const key = {
  id: '0123456789abcdef',
  role: 'agent',
  name: 'crawler',
  prefixes: ['prod/'],
  verbs: ['values.read'],
  expiresAt: '2027-01-01T00:00:00Z',
  createdAt: '2026-11-21T03:00:00.000Z',
  lastUsedAt: '2026-11-21T03:00:00.000Z',
  revokedAt: '2026-11-21T04:00:00.000Z',
};
const rotation = {
  id: 1,
  state: 'done',
  to: 2,
  startedAt: '2026-11-21T03:00:00.000Z',
  finishedAt: '2026-11-21T04:00:00.000Z',
  counted: 3,
  total: 3,
  reencrypted: 3,
  damaged: 0,
};
const shred = {
  org: '0123456789abcdef',
  state: 'shredded',
  shredAt: '2026-11-21T03:00:00.000Z',
  shreddedAt: '2026-11-21T03:00:01.000Z',
  final: true,
  receipts: ['a.b.c'],
};
const record = {
  id: '01J00000000000000000000000',
  time: '2026-11-21T03:00:00.000Z',
  org: '0123456789abcdef',
  principal: '0123456789abcdef',
  route: 'getValues',
  verb: 'values.read',
  name: 'prod/',
  names: ['a', 'b'],
  failed: ['b'],
  result: 'ok',
  requestId: 'req-1',
  sourceIp: '192.0.2.1',
  agent: 'a',
  run: 'r',
  toolCall: 't',
};
const { org } = shred;
const blob = {
  id: '01m7xpe6000123456789abcdef',
  state: 'ready',
  size: 1117,
  createdAt: key.createdAt,
  completedAt: key.createdAt,
  expiresAt: '2027-01-01T00:00:00.000Z',
  openings: 1,
  maxOpens: 2,
  burn: false,
};
const link = `${org}${blob.id}ghjkmnpqrstvwxyz`;
const url = `https://page.test/b/${link}`;

const time = key.createdAt;
const slots = [{ id: key.id, kind: 'session', createdAt: time, expiresAt: '2027-01-01T00:00:00.000Z' }];
const user = { user: owner.user, state: 'active', createdAt: time, slots };
const account = { org: owner.org, ...user };
const recordInfo = { id: key.id, version: 2, createdAt: time, updatedAt: '2026-11-21T04:00:00.000Z' };
const memory = {
  ...{ ...recordInfo, data: { likes: ['tea', null, 1, true] } },
  ...{ namespace: ['n'], key: 'k', index: ['likes'], expiresAt: '2027-01-01T00:00:00.000Z' },
};
const page = { records: [memory], damaged: ['x'], cursor: 'd' };
const party = { kind: 'slot', id: 's', who: 'w', how: 'h', until: time };
const ref = `memory:${owner.user}/${key.id}`;
const explained = {
  ref,
  custody: 'user',
  state: 'stored',
  canOpen: [party],
  cannotOpen: [{ kind: 'operator', who: 'o', how: 'n' }],
};
const login = { login: 'ada', password: 'correct horse' };

/** For each route that the SDK calls: a call with every option, and a response with every field. */
type Row = readonly [(client: Anima) => Promise<unknown>, object];

/**
 * Routes that a client with an API key does not use. In addition, uploads and openings, which take several requests
 * each; fake-blob-service.ts checks these against the contract.
 */
type Left =
  | 'getOpenApi'
  | 'createOrg'
  | 'getPublicKeys'
  | 'createBlob'
  | 'listParts'
  | 'grantParts'
  | 'completeBlob'
  | 'openLink'
  | 'burnLink'
  | 'receiveTwilio'
  | 'receiveWhatsApp'
  | 'verifyWhatsApp'
  | 'receiveSlack'
  | 'receiveMailgun'
  | 'receiveSendGrid';

const calls: Record<Exclude<ClientRouteId, Left>, Row> = {
  setValue: [({ vault }) => vault.set('a/b', 'v', full), valueInfo],
  getValue: [({ vault }) => vault.getWithInfo('a/b', { version: 2 }), value],
  deleteValue: [({ vault }) => vault.delete('a/b', { ifVersion: 2, version: 1 }), { deleted: true }],
  destroyValue: [({ vault }) => vault.destroy('a/b', { confirm: 'a/b' }), { destroyed: true, receipt: 'a.b.c' }],
  listValues: [
    ({ vault }) => vault.list({ prefix: 'a/', pageSize: 1000 }).page('c'),
    { values: [valueInfo], cursor: 'd' },
  ],
  listVersions: [
    ({ vault }) => vault.versions('a/b'),
    { name: 'a/b', versions: [{ ...info('', 2), name: undefined }] },
  ],
  fetch: [
    ({ vault }) =>
      vault.fetch('https://api.example.com/a?b=c&key={{anima://a/b}}', {
        method: 'POST',
        headers: { accept: '*/*' },
        query: { d: 'e' },
        body: new URLSearchParams({ f: '{{anima://a/b?version=2}}' }),
        auth: { type: 'basic', user: 'u', password: '{{anima://a/b}}' },
        hostTimeout: 1000,
        maxResponseBytes: 5,
      }),
    { status: 201, statusText: 'Created', headers: { etag: 'x' }, body: 'ok', truncated: true },
  ],
  getValues: [({ vault }) => vault.getMany(['a/b']), { results: [{ name: 'a/b', ok: true, value }] }],
  setValues: [
    ({ vault }) => vault.setMany([{ name: 'a/b', value: 'v', ...full }]),
    { results: [{ name: 'a/b', ok: true, value: valueInfo }] },
  ],
  getOrg: [
    (client) => client.org.get(),
    {
      org,
      state: 'active',
      createdAt: key.createdAt,
      activeVersion: 1,
      deks: [{ version: 1, state: 'active', createdAt: key.createdAt }],
    },
  ],
  startRotation: [(client) => client.org.rotate(), { rotation }],
  getRotation: [(client) => client.org.rotation(), { rotation }],
  shredOrg: [(client) => client.org.shred({ confirm: org, waitDays: 30 }), shred],
  cancelShred: [(client) => client.org.cancelShred(), shred],
  getShred: [(client) => client.org.shredStatus(), shred],
  createKey: [
    ({ keys }) =>
      keys.create({ role: 'agent', name: 'crawler', prefixes: ['prod/'], verbs: ['values.read'], expiresIn: 60 }),
    { ...key, key: apiKey },
  ],
  listKeys: [({ keys }) => keys.list({ pageSize: 1000 }).page('c'), { keys: [key], cursor: 'd' }],
  rotateKey: [
    ({ keys }) => keys.rotate(key.id, { overlapSeconds: 60 }),
    { replacement: { ...key, key: apiKey }, replaced: key },
  ],
  revokeKey: [({ keys }) => keys.revoke(key.id), key],
  queryAudit: [
    ({ audit }) =>
      audit
        .query({
          from: new Date(0),
          to: '2027-01-01T00:00:00Z',
          principal: key.id,
          name: 'prod/',
          verb: 'values.read',
          pageSize: 1000,
        })
        .page('c'),
    { records: [record], cursor: 'd' },
  ],
  listBlobs: [({ blobs }) => blobs.list({ pageSize: 1000 }).page('c'), { blobs: [blob], cursor: 'd' }],
  getBlob: [({ blobs }) => blobs.info(blob.id), blob],
  deleteBlob: [({ blobs }) => blobs.delete(blob.id), { deleted: true }],
  relinkBlob: [({ blobs }) => blobs.relink(blob.id), { id: blob.id, link, url }],
  lookAtLink: [
    ({ blobs }) => blobs.look(url),
    { size: 1117, createdAt: blob.createdAt, expiresAt: blob.expiresAt, openingsLeft: 1, burn: false },
  ],
  exportAudit: [
    ({ audit }) => audit.export().page('c'),
    { seals: [{ seal: 'a.b.c', records: [record] }], cursor: 'd' },
  ],
  createUser: [({ users }) => users.create(), { user: owner.user, createdAt: time, key: userKey }],
  listUsers: [({ users }) => users.list({ pageSize: 1000 }).page('c'), { users: [user], cursor: 'd' }],
  deleteUser: [({ users }) => users.delete(key.id), { deleted: true, deletedAt: time }],
  getAccount: [(client) => client.account.info(), account],
  changeUserKey: [(client) => client.account.changeKey(), account],
  setPassword: [(client) => client.account.setPassword({ ...login, currentPassword: 'x' }), account],
  removePassword: [(client) => client.account.removePassword({ currentPassword: 'x' }), account],
  startLink: [
    (client) => client.account.startLink({ currentPassword: 'x' }),
    { code: '7H3K-9QWE-RTY2', expiresAt: time },
  ],
  removeSlot: [(client) => client.account.removeSlot(key.id, { currentPassword: 'x' }), account],
  deleteAccount: [
    (client) => client.account.delete({ confirm: owner.user, currentPassword: 'x' }),
    { deleted: true, deletedAt: time },
  ],
  logIn: [(client) => client.account.logIn({ org, ...login }), { user: owner.user, expiresAt: time }],
  logOut: [(client) => client.account.logOut(), { ended: true }],
  addMemory: [
    (client) =>
      client.memory.upsert(memory.data, {
        ...{ key: 'k', namespace: ['n'], index: ['i'], embedding: [[1, 0.5]], expiresIn: 60, ifVersion: 1 },
      }),
    recordInfo,
  ],
  addMemories: [
    (client) => client.memory.addMany([{ data: 1, id: key.id }]),
    { results: [{ id: key.id, ok: true, record: recordInfo }] },
  ],
  listMemory: [(client) => client.memory.list({ pageSize: 1000 }).page('c'), page],
  getMemory: [(client) => client.memory.get(key.id), memory],
  replaceMemory: [(client) => client.memory.replace(key.id, 1, { ifVersion: 1, writeId: 'w'.repeat(16) }), recordInfo],
  deleteMemory: [(client) => client.memory.delete(key.id), { deleted: true }],
  searchMemory: [
    (client) =>
      client.memory
        .find({ namespace: ['n'], key: 'k', filter: { a: 1 }, words: 'w', text: 't', pageSize: 5 })
        .page('c'),
    { ...page, searched: 7 },
  ],
  listMessages: [
    (client) => client.memory.messages({ pageSize: 1000 }).page('c'),
    { messages: [{ id: 'm', role: 'agent', text: 't', channel: 'twilio', at: time }], damaged: ['x'], cursor: 'd' },
  ],
  explain: [(client) => client.explain(ref), explained],
  explainOwn: [(client) => client.explain(ref), explained],
};

/** Calls whose result is not the whole response. Other tests check their results. */
const digested: readonly string[] = ['changeUserKey', 'addMemories', 'fetch'];

/** A client with the credential that the route requires. */
const clientFor = (route: ClientRouteId, fetch: typeof globalThis.fetch): Anima => {
  if (route === 'logIn') return new Anima({ session: true, baseURL, fetch });
  return routes[route].auth === 'user' ? userClientOf(fetch) : clientOf(fetch);
};

describe('what the SDK sends and takes is what the contract says', () => {
  test.each(Object.entries(calls) as [keyof typeof calls, Row][])('%s', async (route, [call, answer]) => {
    const onWire: unknown = JSON.parse(JSON.stringify(answer));
    z.parse(routeSchemas[route].response, onWire);
    const { fetch, seen } = fakeFetch(json(onWire));
    const result = await call(clientFor(route, fetch));
    // The result of the call contains every text of the response, so no field was lost.
    const known = JSON.stringify(result);
    // A batch keeps its results private, and the requested name need not be in the result.
    const told =
      result instanceof BatchResult || digested.includes(route) ? [] : textsIn(onWire).filter((text) => text !== 'a/b');
    for (const text of told) expect(known).toContain(text);

    const [{ method, url, body }] = seen as [SentRequest];
    const { pathname, searchParams } = new URL(url);
    const path = routes[route].path
      .replace('{name+}', 'a/b')
      .replace('{id}', route.includes('Blob') ? blob.id : key.id)
      .replace('{link}', link);
    expect(`${method} ${pathname}`).toBe(`${routes[route].method} ${path}`);
    const query = Object.fromEntries(searchParams);
    expect(z.safeParse(routeSchemas[route].query, query)).toMatchObject({ success: true });
    // The call uses every parameter of the contract, so none is missing in the SDK.
    expect(Object.keys(query).sort()).toEqual(Object.keys(routeSchemas[route].query.shape).sort());
    const bodySchema: z.ZodMiniType | undefined = routeSchemas[route].body;
    if (bodySchema === undefined) expect(body).toBeUndefined();
    else expect(z.safeParse(bodySchema, body)).toMatchObject({ success: true });
  });

  test('problems are recognised by their type, whatever their media type', async () => {
    const body = { type: 'urn:anima:error:forbidden', code: 'forbidden' };
    for (const type of [problemMediaType, 'application/json', 'text/plain']) {
      const { fetch } = fakeFetch(json(body, 403, { 'content-type': type }));
      await expect(clientOf(fetch).vault.get('a')).rejects.toMatchObject({ name: 'PermissionError', status: 403 });
    }
  });
});

/** All strings in a JSON value. */
function textsIn(found: unknown): string[] {
  if (typeof found === 'string') return [found];
  return typeof found === 'object' && found !== null ? Object.values(found).flatMap(textsIn) : [];
}
