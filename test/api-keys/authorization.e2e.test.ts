/** Authorization of every route with every kind of key. A route without a row does not compile. */
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CreateKeyRequest, CreateKeyResponse } from '../../contract/api-keys/wire.ts';
import { type RouteId, routes } from '../../contract/routes.ts';
import type { ErrorCode } from '../../contract/shared/error-codes.ts';
import type { Role } from '../../contract/shared/roles.ts';
import { formatApiKey, parseApiKey } from '../../core/api-keys/api-key.ts';
import { linkProof } from '../blobs/blob-requests.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();

const name = 'team/a';
const secretValue = 'sk_live_of_team_a';
const missingKey = 'zzzzzzzzzzzzzzzz';
const missingBlob = '01m7xpe6000123456789abcdef';
const bytes32 = Buffer.alloc(32).toString('base64');

interface Row {
  readonly path: string;
  readonly body?: unknown;
  /**
   * Roles whose keys are allowed; all others get `forbidden`. Repeated here, because contract/shared/roles.ts is the
   * code under test.
   */
  readonly roles: readonly Role[];
  /** The result for an admin key that is limited to other names; `items` if each item is refused separately. */
  readonly elsewhere: 'forbidden' | 'items' | 'allowed';
  /**
   * The error for the admin of another org that sends the same request; undefined if the request concerns the caller's
   * own org.
   */
  readonly stranger?: ErrorCode;
}

const everyone: readonly Role[] = ['admin', 'agent', 'user-of-secrets', 'reader', 'auditor'];
const listers: readonly Role[] = ['admin', 'agent', 'user-of-secrets', 'reader'];
const users: readonly Role[] = ['admin', 'agent', 'user-of-secrets'];
const readers: readonly Role[] = ['admin', 'agent', 'reader'];
const writers: readonly Role[] = ['admin', 'agent'];

/**
 * Requests that, if allowed, change nothing or nothing that another row needs. Other tests check that only the user may
 * call the routes of kind `user`, only a device those of kind `device`, only an invited device those of kind `invite`,
 * only the holder of the link of a request those of kind `secret-link`, only an identity of another system those of kind `identity`, and only a provider those of kind `signature` (test/users,
 * test/memory, test/devices, test/sessions, test/secret-requests, test/logins, test/conversations).
 */
const rows: Record<
  RouteId,
  | Row
  | 'anyone'
  | 'operator'
  | 'link'
  | 'secret-link'
  | 'user'
  | 'device'
  | 'invite'
  | 'login'
  | 'identity'
  | 'signature'
> = {
  getOpenApi: 'anyone',
  getPublicKeys: 'anyone',
  createOrg: 'operator',
  getOrg: { path: '/v1/org', roles: everyone, elsewhere: 'allowed' },
  createKey: { path: '/v1/keys', body: { role: 'odd' }, roles: ['admin'], elsewhere: 'allowed' },
  listKeys: { path: '/v1/keys', roles: ['admin', 'auditor'], elsewhere: 'allowed' },
  revokeKey: {
    path: `/v1/keys/${missingKey}`,
    roles: ['admin'],
    elsewhere: 'allowed',
    stranger: 'api_key_not_found',
  },
  rotateKey: {
    path: `/v1/keys/${missingKey}/rotation`,
    body: {},
    roles: ['admin'],
    elsewhere: 'allowed',
    stranger: 'api_key_not_found',
  },
  createLogin: { path: '/v1/logins', body: { role: 'odd' }, roles: ['admin'], elsewhere: 'allowed' },
  listLogins: { path: '/v1/logins', roles: ['admin', 'auditor'], elsewhere: 'allowed' },
  deleteLogin: {
    path: `/v1/logins/${missingKey}`,
    roles: ['admin'],
    elsewhere: 'allowed',
    stranger: 'login_not_found',
  },
  logInWithOidc: 'identity',
  logInWithAws: 'identity',
  startRotation: { path: '/v1/org/rotation', body: { odd: 1 }, roles: ['admin'], elsewhere: 'forbidden' },
  getRotation: { path: '/v1/org/rotation', roles: everyone, elsewhere: 'allowed' },
  shredOrg: { path: '/v1/org/shred', body: { confirm: 'odd' }, roles: ['admin'], elsewhere: 'forbidden' },
  cancelShred: { path: '/v1/org/shred', roles: ['admin'], elsewhere: 'forbidden', stranger: 'no_shred_pending' },
  getShred: { path: '/v1/org/shred', roles: everyone, elsewhere: 'allowed' },
  destroyValue: {
    path: `/v1/vault/destroy/${name}`,
    body: { confirm: 'odd' },
    roles: ['admin'],
    elsewhere: 'forbidden',
  },
  queryAudit: { path: '/v1/audit', roles: ['admin', 'auditor'], elsewhere: 'forbidden' },
  exportAudit: { path: '/v1/audit/export', roles: ['admin', 'auditor'], elsewhere: 'forbidden' },
  setValue: {
    path: `/v1/vault/values/${name}`,
    body: { value: 'x', ifVersion: 7 },
    roles: writers,
    elsewhere: 'forbidden',
    stranger: 'version_conflict',
  },
  deleteValue: { path: `/v1/vault/values/${name}?ifVersion=7`, roles: writers, elsewhere: 'forbidden' },
  setValues: {
    path: '/v1/vault/batch-set',
    body: { items: [{ name, value: 'x', ifVersion: 7 }] },
    roles: writers,
    elsewhere: 'items',
  },
  getValue: { path: `/v1/vault/values/${name}`, roles: readers, elsewhere: 'forbidden', stranger: 'value_not_found' },
  listValues: { path: '/v1/vault/values?prefix=team/', roles: listers, elsewhere: 'forbidden' },
  listVersions: {
    path: `/v1/vault/versions/${name}`,
    roles: listers,
    elsewhere: 'forbidden',
    stranger: 'value_not_found',
  },
  fetch: {
    path: '/v1/fetch',
    // The value has no rules, so nothing is sent.
    body: { url: 'https://api.example.com/', headers: { authorization: `{{anima://${name}}}` } },
    roles: users,
    elsewhere: 'forbidden',
    stranger: 'value_not_found',
  },
  createSecretRequest: {
    path: '/v1/secret-requests',
    // The name is taken, so nothing is asked.
    body: { name, why: 'to test' },
    roles: users,
    elsewhere: 'forbidden',
  },
  getSecretRequest: {
    path: `/v1/secret-requests/${missingKey}`,
    roles: users,
    elsewhere: 'allowed',
    stranger: 'secret_request_not_found',
  },
  cancelSecretRequest: {
    path: `/v1/secret-requests/${missingKey}`,
    roles: users,
    elsewhere: 'allowed',
    stranger: 'secret_request_not_found',
  },
  lookAtSecretRequest: 'secret-link',
  fillSecretRequest: 'secret-link',
  denySecretRequest: 'secret-link',
  getValues: { path: '/v1/vault/batch-get', body: { names: [name] }, roles: readers, elsewhere: 'items' },
  // Blobs have no names, so a limit to names does not apply to them. Only the list concerns the whole organization.
  createBlob: { path: '/v1/blobs', body: { odd: 1 }, roles: writers, elsewhere: 'allowed' },
  listBlobs: { path: '/v1/blobs', roles: ['admin'], elsewhere: 'forbidden' },
  getBlob: { path: `/v1/blobs/${missingBlob}`, roles: writers, elsewhere: 'allowed', stranger: 'blob_not_found' },
  deleteBlob: { path: `/v1/blobs/${missingBlob}`, roles: writers, elsewhere: 'allowed' },
  listParts: {
    path: `/v1/blobs/${missingBlob}/parts`,
    roles: writers,
    elsewhere: 'allowed',
    stranger: 'blob_not_found',
  },
  grantParts: {
    path: `/v1/blobs/${missingBlob}/parts`,
    body: { parts: [{ number: 1, size: 5, checksum: bytes32 }] },
    roles: writers,
    elsewhere: 'allowed',
    stranger: 'blob_not_found',
  },
  completeBlob: {
    path: `/v1/blobs/${missingBlob}/completion`,
    body: { checksum: bytes32, verifiers: { open: bytes32, burn: bytes32 } },
    roles: writers,
    elsewhere: 'allowed',
    stranger: 'blob_not_found',
  },
  relinkBlob: {
    path: `/v1/blobs/${missingBlob}/link`,
    body: {},
    roles: writers,
    elsewhere: 'allowed',
    stranger: 'blob_not_found',
  },
  lookAtLink: 'link',
  openLink: 'link',
  burnLink: 'link',
  addMemory: 'user',
  addMemories: 'user',
  listMemory: 'user',
  getMemory: 'user',
  replaceMemory: 'user',
  deleteMemory: 'user',
  searchMemory: 'user',
  listMessages: 'user',
  createUser: { path: '/v1/users', body: { odd: 1 }, roles: ['admin'], elsewhere: 'forbidden' },
  listUsers: { path: '/v1/users', roles: ['admin', 'auditor'], elsewhere: 'forbidden' },
  deleteUser: { path: `/v1/users/${missingKey}`, roles: ['admin'], elsewhere: 'forbidden', stranger: 'user_not_found' },
  getAccount: 'user',
  changeUserKey: 'user',
  setPassword: 'user',
  removePassword: 'user',
  startLink: 'user',
  removeSlot: 'user',
  deleteAccount: 'user',
  logIn: 'login',
  logOut: 'user',
  explain: { path: `/v1/explain?ref=value:${name}`, roles: ['admin', 'auditor'], elsewhere: 'forbidden' },
  explainOwn: 'user',
  createDeviceVault: 'user',
  listDeviceVaults: 'user',
  deleteDeviceVault: 'user',
  getDeviceRecovery: 'user',
  getPairing: 'user',
  putNewDeviceMessage: 'user',
  keepDeviceVault: 'device',
  readDeviceLog: 'device',
  appendDeviceLog: 'device',
  pruneDeviceLog: 'device',
  readBundleEntries: 'device',
  readBundleRecords: 'device',
  listPairings: 'device',
  putApproverMessage: 'device',
  deletePairing: 'device',
  appendDirectory: { path: '/v1/session/directory', body: { entry: 'odd' }, roles: ['admin'], elsewhere: 'forbidden' },
  readDirectory: { path: '/v1/session/directory', roles: ['admin'], elsewhere: 'forbidden' },
  appendSessionEntry: 'device',
  readSessionEntries: 'device',
  readCheckpoint: 'device',
  createInvite: { path: '/v1/session/invites', body: { odd: 1 }, roles: ['admin'], elsewhere: 'forbidden' },
  listInvites: { path: '/v1/session/invites', roles: ['admin'], elsewhere: 'forbidden' },
  deleteInvite: { path: '/v1/session/invites/0123456789abcdef', roles: ['admin'], elsewhere: 'forbidden' },
  beginEnrollment: 'invite',
  putEnrollment: 'invite',
  readInvitedDirectory: 'invite',
  putBundle: 'device',
  getBundle: 'device',
  claimBundle: 'device',
  putConversation: 'device',
  listConversations: 'device',
  sendMessages: 'device',
  readMailbox: 'device',
  acknowledgeMessages: 'device',
  createAttachment: 'device',
  getAttachment: 'device',
  createTicket: 'device',
  putPush: 'device',
  deletePush: 'device',
  getPushKey: 'anyone',
  getBrokerKeys: { path: '/v1/broker/keys/annannannannanna', roles: ['admin'], elsewhere: 'forbidden' },
  getApproverKey: {
    path: '/v1/broker/approvers/annannannannanna',
    roles: writers,
    elsewhere: 'allowed',
  },
  putPersonKey: 'device',
  getPersonKey: 'device',
  putApprovalKey: 'device',
  listApprovals: 'device',
  listActivity: 'device',
  answerApproval: 'device',
  receiveTwilio: 'signature',
  receiveWhatsApp: 'signature',
  verifyWhatsApp: 'signature',
  receiveSlack: 'signature',
  receiveMailgun: 'signature',
  receiveSendGrid: 'signature',
};

const table = (Object.entries(rows) as [RouteId, Row | string][]).filter(
  (entry): entry is [RouteId, Row] => typeof entry[1] === 'object',
);

async function makeKey(by: string, rights: CreateKeyRequest): Promise<CreateKeyResponse> {
  const answer = await stack.http('POST', '/v1/keys', { key: by, body: rights });
  expect(answer.status).toBe(201);
  return await answer.json();
}

const call = (id: RouteId, { path, body }: Row, key: string | undefined, headers: Record<string, string> = {}) =>
  stack.http(routes[id].method, path, { key, body, headers });

/** Everything that a request could change, as an admin sees it, except the last use of keys. */
async function contents(): Promise<string> {
  const client = stack.clientOf(stack.vault.adminKey);
  const keys = (await client.keys.list().toArray()).map(({ lastUsedAt: _, ...rest }) => rest);
  return JSON.stringify([
    await client.org.get(),
    keys,
    await client.vault.list().toArray(),
    await client.vault.get(name),
    await client.blobs.list().toArray(),
  ]);
}

/** Asserts that a request was authorized, whatever its later result. */
async function expectThrough(answer: Response): Promise<void> {
  const text = await answer.clone().text();
  // The rules of a value are checked after the authorization of its caller.
  if (!text.includes('"code":"use_refused"')) expect([401, 403, 500, 503]).not.toContain(answer.status);
  expect(text).not.toMatch(/"code":"(?:route_not_found|forbidden)"/);
}

const keys: Record<string, string> = {};
const keyOf = (label: string): string => keys[label] ?? expect.fail(`no key ${label}`);
/** Invalid keys, each with a different reason. */
const badKeys: Record<string, ErrorCode> = {
  'no key': 'missing_api_key',
  malformed: 'invalid_api_key',
  'one with something after it': 'invalid_api_key',
  'one of an unknown id': 'invalid_api_key',
  'one with the secret of another': 'invalid_api_key',
  'one of another org under this org’s name': 'invalid_api_key',
  'one of this org under another org’s name': 'invalid_api_key',
  revoked: 'api_key_revoked',
  expired: 'api_key_expired',
  'rotated away': 'api_key_expired',
};
/** Prefixes that resemble the folder `team/` but are not in it. */
const lookAlikes = ['tea/', 'team', 'team/ab', 'team/a/', 'team-eu/', 'Team/', 'teams/', 'te/am/'];

beforeAll(async () => {
  const admin = stack.vault.adminKey;
  await stack.clientOf(admin).vault.set(name, secretValue);
  await stack.clientOf(admin).vault.set('team-eu/a', 'x');
  for (const role of everyone) keys[role] = (await makeKey(admin, { role })).key;
  keys.elsewhere = (await makeKey(admin, { role: 'admin', prefixes: lookAlikes })).key;
  keys.within = (await makeKey(admin, { role: 'admin', prefixes: ['team/'] })).key;
  keys.exact = (await makeKey(admin, { role: 'admin', prefixes: [name] })).key;

  const other = await stack.newOrg();
  keys.stranger = other.adminKey;
  const genuine = parseApiKey(admin) ?? expect.fail('malformed');
  const theirs = parseApiKey(other.adminKey) ?? expect.fail('malformed');
  keys.malformed = `${admin.slice(0, -1)}${admin.endsWith('0') ? '1' : '0'}`;
  keys['one with something after it'] = `${admin} x`;
  keys['one of an unknown id'] = formatApiKey({ ...genuine, id: missingKey });
  keys['one with the secret of another'] = formatApiKey({ ...genuine, secret: theirs.secret });
  keys['one of another org under this org’s name'] = formatApiKey({ ...theirs, org: genuine.org });
  keys['one of this org under another org’s name'] = formatApiKey({ ...genuine, org: theirs.org });

  const revoked = await makeKey(admin, { role: 'admin' });
  await stack.clientOf(admin).keys.revoke(revoked.id);
  keys.revoked = revoked.key;
  const rotated = await makeKey(admin, { role: 'admin' });
  await stack.clientOf(admin).keys.rotate(rotated.id, { overlapSeconds: 0 });
  keys['rotated away'] = rotated.key;
  keys.expired = (await makeKey(admin, { role: 'admin', expiresAt: new Date(Date.now() + 1500).toISOString() })).key;
  await sleep(1600);
});

describe('a key that is not valid', () => {
  const pairs = table.flatMap(([id, row]) =>
    Object.entries(badKeys).map(([label, code]) => ({ id, row, label, code })),
  );

  test.each(pairs)(
    '$id refuses $label: $code, whatever else is wrong with the request',
    async ({ id, row, label, code }) => {
      const key = label === 'no key' ? undefined : keyOf(label);
      await expectProblem(await call(id, row, key), code);
      const broken =
        routes[id].method === 'GET' ? { ...row, path: `${row.path.split('?')[0]}?odd=1` } : { ...row, body: '{"odd' };
      await expectProblem(await call(id, broken, key), code);
    },
  );

  test.each(table)('%s takes no other scheme of authorization', async (id, row) => {
    const basic = await call(id, row, undefined, { authorization: `Basic ${btoa(stack.vault.adminKey)}` });
    await expectProblem(basic, 'missing_api_key');
  });
});

describe('a valid key', () => {
  const pairs = table.flatMap(([id, row]) =>
    everyone.map((role) => ({ id, row, role, allowed: row.roles.includes(role) })),
  );

  test.each(pairs)('of the role $role on $id gets through: $allowed', async ({ id, row, role, allowed }) => {
    const answer = await call(id, row, keyOf(role));
    if (!allowed) await expectProblem(answer, 'forbidden');
    else await expectThrough(answer);
  });

  test.each(table)(
    'limited to look-alikes of a folder, on %s of a name in that folder, is refused as the row says',
    async (id, row) => {
      const before = await contents();
      const answer = await call(id, row, keyOf('elsewhere'));
      if (row.elsewhere === 'forbidden') await expectProblem(answer, 'forbidden');
      else if (row.elsewhere === 'allowed') await expectThrough(answer);
      else {
        const { results } = await answer.json();
        expect(results).toEqual([
          expect.objectContaining({ name, ok: false, error: expect.objectContaining({ code: 'forbidden' }) }),
        ]);
      }
      expect(await contents()).toBe(before);
    },
  );

  test.each(table.filter(([, row]) => row.elsewhere !== 'allowed' && row.path.includes('vault')))(
    'limited to the folder or, but for lists, to the very name, gets through on %s',
    async (id, row) => {
      for (const label of id === 'listValues' ? ['within'] : ['within', 'exact']) {
        const answer = await call(id, row, keyOf(label));
        await expectThrough(answer);
      }
    },
  );

  test.each(table)('of another org on %s changes and shows nothing of this one', async (id, row) => {
    const before = await contents();
    const answer = await call(id, row, keyOf('stranger'));
    if (row.stranger === undefined) await expectThrough(answer);
    const text = await answer.clone().text();
    if (row.stranger !== undefined) await expectProblem(answer, row.stranger);
    const genuine = parseApiKey(stack.vault.adminKey) ?? expect.fail('malformed');
    for (const ours of [genuine.org, genuine.id, secretValue]) expect(text).not.toContain(ours);
    expect(await contents()).toBe(before);
  });

  test('of another org can neither revoke nor rotate a key of this one', async () => {
    const { id } = parseApiKey(keyOf('agent')) ?? expect.fail('malformed');
    const { keys: theirs } = stack.clientOf(keyOf('stranger'));
    await expect(theirs.revoke(id)).rejects.toMatchObject({ code: 'api_key_not_found' });
    await expect(theirs.rotate(id)).rejects.toMatchObject({ code: 'api_key_not_found' });
    expect(await stack.clientOf(keyOf('agent')).vault.get(name)).toBe(secretValue);
  });
});

describe('a route without an API key', () => {
  const open = (Object.keys(rows) as RouteId[]).filter((id) => rows[id] === 'anyone');
  const call = (id: RouteId, key: string | undefined) => {
    const { method, path } = routes[id];
    return stack.http(method, path, { key, ...(method === 'GET' ? {} : { body: {} }) });
  };

  test.each(open)('%s is open to anyone, with whatever key', async (id) => {
    expect(routes[id].auth).toBe('none');
    for (const key of [undefined, ...Object.values(keys)]) expect((await call(id, key)).status).toBe(200);
  });

  const byLink = (Object.keys(rows) as RouteId[]).filter((id) => rows[id] === 'link');

  test.each(byLink)('%s is open to whoever has the link and knows its key, with whatever API key', async (id) => {
    expect(routes[id].auth).toBe('none');
    const { url, link } = await stack.client.blobs.put(new TextEncoder().encode('x'), { burn: true });
    const path = routes[id].path.replace('{link}', link);
    const opening = id === 'openLink' ? { opening: 'one-and-the-same-opening' } : {};
    const body = id === 'lookAtLink' ? undefined : { proof: await linkProof(url, id === 'burnLink' ? 'burn' : 'open') };
    const odd = { proof: bytes32, ...opening };
    for (const key of [undefined, ...Object.values(keys)]) {
      if (body !== undefined) await expectProblem(await stack.http('POST', path, { key, body: odd }), 'proof_refused');
      const answer = await stack.http(routes[id].method, path, { key, body: body && { ...body, ...opening } });
      expect(answer.status).toBe(200);
    }
  });

  test('logIn is for whoever knows a password, and no key stands for that', async () => {
    expect([rows.logIn, routes.logIn.auth]).toEqual(['login', 'none']);
    const { org } = parseApiKey(stack.vault.adminKey) ?? expect.fail('malformed');
    const body = { org, login: 'nobody', password: 'not a password' };
    for (const key of [undefined, ...Object.values(keys).slice(0, 5)]) {
      await expectProblem(await stack.http('POST', '/v1/sessions', { key, body }), 'login_refused');
    }
  });

  const byUser = (Object.keys(rows) as RouteId[]).filter((id) => rows[id] === 'user');

  test.each(byUser)('%s is for the user itself: no API key, of whatever role, stands for that', async (id) => {
    expect(routes[id].auth).toBe('user');
    await expectProblem(await call(id, undefined), 'missing_credential');
    for (const key of Object.values(keys)) await expectProblem(await call(id, key), 'invalid_credential');
  });

  test('createOrg is for requests that AWS has found signed, and no key stands for that', async () => {
    for (const key of [undefined, ...Object.values(keys)]) {
      const answer = await call('createOrg', key);
      expect([answer.status, await answer.json()]).toEqual([403, { message: 'Forbidden' }]);
    }
  });
});

describe('names under channels/', () => {
  const reserved = 'channels/twilio';
  const detail = expect.stringMatching(/^Names under channels\/ .*admin/);
  const admin = () => stack.clientOf(stack.vault.adminKey).vault;

  test.each(['agent', 'reader'])(
    'are out of reach of an %s key that was not given them, by any route',
    async (role) => {
      await admin().set(reserved, secretValue);
      const key = keyOf(role);
      const before = await contents();
      const value = { value: 'x' };
      for (const [method, path, body] of [
        ['GET', `values/${reserved}`],
        ['GET', `values/${reserved}?version=1`],
        ['GET', `versions/${reserved}`],
        ['GET', 'values?prefix=channels/'],
        ['GET', `values?prefix=${reserved}`],
        ...(role === 'agent'
          ? ([
              ['PUT', `values/${reserved}`, value],
              ['PUT', 'values/channels/of-its-own', value],
              ['DELETE', `values/${reserved}`],
            ] as const)
          : []),
      ] as const) {
        const answer = await stack.http(method, `/v1/vault/${path}`, { key, body });
        expect(await answer.clone().json(), path).toMatchObject({ detail });
        await expectProblem(answer, 'forbidden');
      }
      const refused = { name: reserved, ok: false, error: expect.objectContaining({ code: 'forbidden', detail }) };
      const got = await stack.http('POST', '/v1/vault/batch-get', { key, body: { names: [name, reserved] } });
      expect((await got.json()).results).toEqual([expect.objectContaining({ name, ok: true }), refused]);
      if (role === 'agent') {
        const items = [{ name: reserved, ...value }];
        const set = await stack.http('POST', '/v1/vault/batch-set', { key, body: { items } });
        expect((await set.json()).results).toEqual([refused]);
      }
      const names = async (apiKey: string) =>
        (await stack.clientOf(apiKey).vault.list({ pageSize: 1 }).toArray()).map((value) => value.name);
      expect(await names(key)).toEqual((await names(stack.vault.adminKey)).filter((one) => one !== reserved));
      expect(await contents()).toBe(before);
      await admin().delete(reserved);
    },
  );

  test('are within reach of a key whose prefixes name them, and not of an admin key limited to others', async () => {
    await admin().set(reserved, secretValue);
    const rights: CreateKeyRequest = { role: 'reader', prefixes: ['channels/'] };
    const { vault } = stack.clientOf((await makeKey(stack.vault.adminKey, rights)).key);
    expect(await vault.get(reserved)).toBe(secretValue);
    expect(await vault.list({ prefix: 'channels/' }).toArray()).toHaveLength(1);
    const within = stack.clientOf(keyOf('within')).vault;
    await expect(within.get(reserved)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(within.destroy(reserved, { confirm: reserved })).rejects.toMatchObject({ code: 'forbidden' });
    const asked = { key: keyOf('within'), body: { role: 'agent', prefixes: ['channels/'] } };
    await expectProblem(await stack.http('POST', '/v1/keys', asked), 'forbidden');
    await admin().delete(reserved);
  });
});

describe('names of a limited key survive tricks of encoding', () => {
  /** A request whose path is sent unchanged. `fetch` would resolve dot segments first. */
  const raw = (path: string, key: string): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const url = new URL(stack.vault.url);
      const options = { host: url.hostname, port: url.port, path, headers: { authorization: `Bearer ${key}` } };
      const sent = request(options, (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (part: string) => (body += part));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
      });
      sent.on('error', reject).end();
    });

  test.each([
    'team-eu/../team/a',
    'team-eu/%2e%2e/team/a',
    'team-eu%2f..%2fteam%2fa',
    'team-eu%2F%2e%2e%2Fteam%2Fa',
    'team-eu%252f..%252fteam%252fa',
    'team-eu/..%5cteam/a',
    'team-eu//team/a',
    'team-eu/./../team/a',
    'team-eu/%00/../team/a',
    '%74eam/a',
    'team%2Fa',
    'team%2fa',
    'TEAM/a',
    'team/a%20',
    'team/a/',
    'team/a.',
    'team/a?name=team-eu/a',
    'team/a?prefix=team-eu/',
    '%EF%BD%94eam/a',
    'team%E2%88%95a',
  ])('%s does not bring a key of team-eu/ to team/a', async (path) => {
    const { key } = await makeKey(stack.vault.adminKey, { role: 'agent', prefixes: ['team-eu/'] });
    for (const route of ['values', 'versions']) {
      const { status, body } = await raw(`/v1/vault/${route}/${path}`, key);
      expect([400, 403, 404]).toContain(status);
      expect(body).not.toContain(secretValue);
    }
  });

  test('nor do batches and lists', async () => {
    const { key } = await makeKey(stack.vault.adminKey, { role: 'agent', prefixes: ['team-eu/'] });
    const names = [
      'team-eu/../team/a',
      'team/a',
      'team-eu/a',
      'team-eu%2f..%2fteam%2fa',
      'team-eu//../team/a',
      'tеam/a',
    ];
    const got = await stack.http('POST', '/v1/vault/batch-get', { key, body: { names } });
    const { results } = await got.json();
    expect(results.map((item: { ok: boolean; error?: { code: string } }) => item.error?.code ?? 'ok')).toEqual([
      'invalid_name',
      'forbidden',
      'ok',
      'invalid_name',
      'invalid_name',
      'invalid_name',
    ]);
    const items = ['team/a', 'team-eu/b'].map((one) => ({ name: one, value: 'y' }));
    const set = await (await stack.http('POST', '/v1/vault/batch-set', { key, body: { items } })).json();
    expect(set.results.map((item: { ok: boolean }) => item.ok)).toEqual([false, true]);
    expect(await stack.clientOf(stack.vault.adminKey).vault.get(name)).toBe(secretValue);
    for (const prefix of ['', 'team', 'team-eu', 'team/', 'team-eu%2F..%2F']) {
      const listed = await stack.http('GET', `/v1/vault/values?prefix=${prefix}`, { key });
      expect([400, 403]).toContain(listed.status);
    }
    expect(await stack.clientOf(key).vault.list({ prefix: 'team-eu/' }).toArray()).toHaveLength(2);
    const cursorOfAll = await stack.http('GET', '/v1/vault/values?limit=1', { key: stack.vault.adminKey });
    const { cursor } = await cursorOfAll.json();
    const beyond = await stack.http('GET', `/v1/vault/values?prefix=team-eu/&cursor=${cursor}`, { key });
    await expectProblem(beyond, 'invalid_cursor');
  });
});
