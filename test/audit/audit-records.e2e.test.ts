/**
 * The audit over real HTTP: which requests are recorded, which are not, and that no response is sent without its
 * record.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { AuditRecord } from '../../contract/audit/wire.ts';
import { auditVerbOf, type RouteId, routes } from '../../contract/routes.ts';
import { createInvite, inviteLookup, storedLookup } from '../../core/directory/invite.ts';
import { toBase64 } from '../../core/encoding/bytes.ts';
import { firstTimeIdAt } from '../../core/encoding/time-ordered-id.ts';
import type { EngineCall, InjectedFault } from '../../local/aws/endpoint/engine-hooks.ts';
import { linkProof } from '../blobs/blob-requests.ts';
import { createUser, ServedVault, signatureHeaders } from '../devices/signed-device-requests.ts';
import { kubernetesClaims, newSigningKey, signToken } from '../logins/fake-issuer.ts';
import { openLink, proofOf } from '../secret-requests/answer-request.ts';
import { ServedDirectory } from '../sessions/served-directory.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
afterEach(() => stack.vault.setHooks());

const admin = () => stack.vault.adminKey;
const get = async (path: string, key: string) => await stack.http('GET', path, { key });

/** All records of an org, oldest first. */
async function recordsOf(key: string, query = ''): Promise<AuditRecord[]> {
  const answer = await get(`/v1/audit?limit=1000${query}`, key);
  expect(answer.status).toBe(200);
  return (await answer.json()).records;
}

/** The records that `work` adds in a new org. Records of the org's creation are not included. */
async function left(work: (org: { adminKey: string; agentKey: string }) => Promise<unknown>): Promise<AuditRecord[]> {
  const made = await stack.newOrg();
  const before = await recordsOf(made.adminKey);
  await work(made);
  return (await recordsOf(made.adminKey)).slice(before.length + 1);
}

describe('a record', () => {
  test('says who did what to which name, with what result, for whom, from where', async () => {
    const headers = { 'x-anima-agent': 'crawler', 'x-anima-run': 'run-7', 'x-anima-tool-call': 'call_1' };
    let requestId = '';
    const [record] = await left(async ({ agentKey: key }) => {
      await stack.clientOf(key).vault.set('prod/a', 'x');
      const answer = await stack.http('GET', '/v1/vault/values/prod/a', { key, headers });
      requestId = answer.headers.get('x-request-id') ?? '';
    }).then((records) => records.filter(({ route }) => route === 'getValue'));
    expect(record).toEqual({
      id: expect.stringMatching(/^[0-9a-z]{26}$/),
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      org: expect.stringMatching(/^[0-9a-z]{16}$/),
      principal: expect.stringMatching(/^[0-9a-z]{16}$/),
      route: 'getValue',
      verb: 'values.read',
      name: 'prod/a',
      result: 'ok',
      requestId,
      sourceIp: '127.0.0.1',
      agent: 'crawler',
      run: 'run-7',
      toolCall: 'call_1',
    });
    expect(record?.id.slice(0, 10)).toBe(firstTimeIdAt(Date.parse(record?.time ?? '')).slice(0, 10));
  });

  test('is left by refusals and failures as well, by their error code', async () => {
    const records = await left(async ({ agentKey: key }) => {
      await get('/v1/vault/values/missing', key);
      await get('/v1/keys', key);
      await stack.http('PUT', '/v1/vault/values/a', { key, body: { valeu: 'x' } });
      await stack.http('PUT', '/v1/vault/values/a', { key, body: { value: 'x'.repeat(70_000) } });
      await get('/v1/vault/values?prefix=prod%2F', key);
    });
    expect(records.map(({ route, name, result }) => [route, name, result])).toEqual([
      ['getValue', 'missing', 'value_not_found'],
      ['listKeys', undefined, 'forbidden'],
      ['setValue', 'a', 'invalid_request'],
      ['setValue', 'a', 'value_too_large'],
      ['listValues', 'prod/', 'ok'],
    ]);
  });

  test('of a batch has its names, and which of them failed', async () => {
    const records = await left(async ({ agentKey: key }) => {
      const { vault } = stack.clientOf(key);
      await vault.setMany({ a: '1', b: '2' });
      await stack.http('POST', '/v1/vault/batch-get', { key, body: { names: ['a', 'missing', '../evil', 'b'] } });
    });
    expect(records).toMatchObject([
      { route: 'setValues', names: ['a', 'b'] },
      { route: 'getValues', names: ['a', 'missing', 'b'], failed: ['missing'], result: 'ok' },
    ]);
    expect(records[0]).not.toHaveProperty('failed');
  });

  test('of a key has its id', async () => {
    let id = '';
    const records = await left(async ({ adminKey: key }) => {
      id = (await (await stack.http('POST', '/v1/keys', { key, body: { role: 'agent' } })).json()).id;
      await stack.http('DELETE', `/v1/keys/${id}`, { key });
    });
    expect(records).toMatchObject([
      { route: 'createKey', name: id, result: 'ok' },
      { route: 'revokeKey', name: id, result: 'started' },
      { route: 'revokeKey', name: id, result: 'ok' },
    ]);
  });

  test('of a blob has its id, and of a link too, by nobody known; never the link or a proof', async () => {
    let put = { id: '', url: '', link: '' };
    const records = await left(async ({ agentKey: key }) => {
      const { blobs } = stack.clientOf(key);
      put = await blobs.put(new TextEncoder().encode('x'), { burn: true, name: 'SECRETMARK', type: 'SECRET/MARK' });
      await blobs.info(put.id);
      await (await blobs.get(put.url)).text();
      await stack.http('DELETE', `/v1/blobs/${put.id}`, { key });
    });
    const { id } = put;
    expect(records.map(({ route, verb, name, result }) => [route, verb, name, result])).toEqual([
      ['createBlob', 'blobs.write', id, 'ok'],
      ['completeBlob', 'blobs.write', id, 'ok'],
      ['getBlob', 'blobs.read', id, 'ok'],
      ['openLink', 'links.open', id, 'ok'],
      ['burnLink', 'links.burn', id, 'started'],
      ['burnLink', 'links.burn', id, 'ok'],
      ['deleteBlob', 'blobs.delete', id, 'started'],
      ['deleteBlob', 'blobs.delete', id, 'ok'],
    ]);
    for (const { route, principal, org } of records) {
      expect(principal === 'link').toBe(route.endsWith('Link'));
      expect(put.link.startsWith(org)).toBe(true);
    }
    const said = JSON.stringify(records);
    const proofs = [await linkProof(put.url, 'open'), await linkProof(put.url, 'burn')];
    for (const secret of [put.link, put.link.slice(42), put.url.replace(/.*#/, ''), ...proofs])
      expect(said).not.toContain(secret);
    expect(said).not.toMatch(/SECRET.?MARK/);
  });

  test('of a link is left by a refusal after the proof, and not by a look or without the proof', async () => {
    const records = await left(async ({ agentKey: key }) => {
      const { blobs } = stack.clientOf(key);
      const { url, link } = await blobs.put(new TextEncoder().encode('x'), { maxOpens: 1 });
      const send = (verb: string, body: object) => stack.http('POST', `/v1/links/${link}/${verb}`, { body });
      await blobs.look(url);
      await expectProblem(await send('opening', { proof: await linkProof(url, 'burn') }), 'proof_refused');
      await expectProblem(await send('opening', {}), 'invalid_request');
      await (await blobs.get(url)).text();
      await expectProblem(await send('opening', { proof: await linkProof(url, 'open') }), 'blob_spent');
      await expectProblem(await send('burning', { proof: await linkProof(url, 'burn') }), 'invalid_request');
    });
    expect(records.slice(2).map(({ route, result }) => [route, result])).toEqual([
      ['openLink', 'ok'],
      ['openLink', 'blob_spent'],
      ['burnLink', 'started'],
      ['burnLink', 'invalid_request'],
    ]);
  });

  test('of a new organization is its first, by the ARN of the operator', async () => {
    const { adminKey, org } = await stack.newOrg();
    const [first] = await recordsOf(adminKey);
    expect(first).toMatchObject({ org, route: 'createOrg', verb: 'org.create', result: 'ok' });
    expect(first?.principal).toMatch(/^arn:aws:iam::\d+:user\/operator$/);
  });

  test('takes nothing from a caller that is not short, visible ASCII, and no name that is not allowed', async () => {
    const records = await left(async ({ agentKey: key }) => {
      const headers = { 'x-anima-agent': 'x'.repeat(129), 'x-anima-run': 'a b', 'x-anima-tool-call': 'é' };
      await stack.http('GET', '/v1/vault/values/%3Cscript%3E', { key, headers });
    });
    expect(records).toHaveLength(1);
    expect(Object.keys(records[0] ?? {}).sort()).toEqual(
      ['id', 'org', 'principal', 'requestId', 'result', 'route', 'sourceIp', 'time', 'verb'].sort(),
    );
  });

  test('is left by nobody who proved nothing', async () => {
    const records = await left(async ({ adminKey }) => {
      const { formatApiKey, parseApiKey } = await import('../../core/api-keys/api-key.ts');
      const genuine = parseApiKey(adminKey) ?? expect.fail();
      const forged = formatApiKey({ ...genuine, secret: parseApiKey(admin())?.secret ?? '' });
      for (const key of [undefined, 'x', forged]) await stack.http('GET', '/v1/org', { key });
      const revoked = await (await stack.http('POST', '/v1/keys', { key: adminKey, body: { role: 'admin' } })).json();
      await stack.http('DELETE', `/v1/keys/${revoked.id}`, { key: adminKey });
      const ended = parseApiKey(revoked.key) ?? expect.fail();
      const guessed = formatApiKey({ ...ended, secret: genuine.secret });
      await expectProblem(await get('/v1/org', guessed), 'invalid_api_key');
      await get('/nowhere', adminKey);
    });
    expect(records.map(({ route }) => route)).toEqual(['createKey', 'revokeKey', 'revokeKey']);
  });

  test('is left by the refused use of a genuine key that was revoked, has expired or was replaced', async () => {
    const principals: string[] = [];
    const records = await left(async ({ adminKey: key }) => {
      const make = async (body: object) => (await stack.http('POST', '/v1/keys', { key, body })).json();
      const revoked = await make({ role: 'admin' });
      await stack.http('DELETE', `/v1/keys/${revoked.id}`, { key });
      const replaced = await make({ role: 'admin' });
      const overlap = { key, body: { overlapSeconds: 0 } };
      await stack.http('POST', `/v1/keys/${replaced.id}/rotation`, overlap);
      const expired = await make({ role: 'admin', expiresAt: new Date(Date.now() + 1000).toISOString() });
      await sleep(1100);
      for (const made of [revoked, replaced, expired]) {
        principals.push(made.id);
        await stack.http('GET', '/v1/org', { key: made.key });
      }
    });
    const uses = records.filter(({ route }) => route === 'getOrg').map(({ principal, result }) => [principal, result]);
    expect(uses).toEqual(
      ['api_key_revoked', 'api_key_expired', 'api_key_expired'].map((result, at) => [principals[at], result]),
    );
  });

  test('is left by the refused attempt of a replaced key to manage keys', async () => {
    const records = await left(async ({ adminKey: key }) => {
      const { id, key: old } = await (await stack.http('POST', '/v1/keys', { key, body: { role: 'admin' } })).json();
      const rotated = await (await stack.http('POST', `/v1/keys/${id}/rotation`, { key: old, body: {} })).json();
      const attempts: [string, string, object?][] = [
        ['POST', `/v1/keys/${id}/rotation`, {}],
        ['POST', '/v1/keys', { role: 'reader', expiresAt: new Date(Date.now() + 60_000).toISOString() }],
        ['DELETE', `/v1/keys/${rotated.replacement.id}`],
      ];
      for (const [method, path, body] of attempts)
        await expectProblem(await stack.http(method, path, { key: old, body }), 'forbidden');
      expect((await get('/v1/vault/values', old)).status).toBe(200);
      expect((await get('/v1/keys', rotated.replacement.key)).status).toBe(200);
    });
    expect(records.map(({ route, result }) => `${route} ${result}`)).toEqual([
      'createKey ok',
      'rotateKey started',
      'rotateKey ok',
      'rotateKey forbidden',
      'createKey forbidden',
      'revokeKey forbidden',
      'listValues ok',
      'listKeys ok',
    ]);
  });

  test('holds no value, key, token or body', async () => {
    const records = await left(async ({ agentKey: key }) => {
      await stack.http('PUT', '/v1/vault/values/a', {
        key,
        body: { value: 'SECRETMARK', metadata: { note: 'SECRETMARK' } },
      });
      await stack.http('PUT', '/v1/vault/values/a', { key, body: '{"SECRETMARK":' });
      await get('/v1/vault/values/a?version=SECRETMARK', key);
      await stack.http('POST', '/v1/vault/batch-get', { key, body: { names: ['SECRET MARK'], SECRETMARK: 1 } });
    });
    expect(records).toHaveLength(4);
    expect(JSON.stringify(records)).not.toMatch(/SECRET.?MARK|anm_|enc:v1/);
  });

  test("is the org's own: no other sees it, whatever it asks for", async () => {
    const other = await stack.newOrg();
    for (const { org } of await recordsOf(other.adminKey)) expect(org).toBe(other.org);
    await expectProblem(await get('/v1/audit', other.agentKey), 'forbidden');
    await expectProblem(await get('/v1/audit/export', other.agentKey), 'forbidden');
  });
});

describe('when the record can not be written', () => {
  const value = '/v1/vault/values/secret/a';
  interface Request {
    readonly path: string;
    readonly body?: unknown;
    readonly key?: 'admin' | 'operator' | 'user';
    /** For routes that are signed by a device. */
    readonly headers?: Record<string, string>;
  }
  /** Creates a user and returns its key. */
  const userKey = async (): Promise<string> => {
    const made = await stack.http('POST', '/v1/users', { key: admin(), body: {} });
    expect(made.status).toBe(201);
    return (await made.json()).key;
  };
  /** Creates a user with a password. A failed login leaves no record. */
  const onLogin = async (): Promise<Request> => {
    const key = await userKey();
    const body = { login: 'grace', password: 'SECRETMARK' };
    expect((await stack.http('PUT', '/v1/account/password', { key, body })).status).toBe(200);
    return { path: '/v1/sessions', body: { org: key.split('_')[1], ...body } };
  };
  /** A login, and a token that it accepts. A token that no login accepts leaves no record. */
  const onIdentity = async (): Promise<Request> => {
    const issuerKey = await newSigningKey('key-1');
    const claims = kubernetesClaims(new Date(), `${stack.vault.url}/${stack.vault.adminKey.split('_')[1]}`);
    const oidc = { issuer: claims.iss, claims: { sub: claims.sub }, keys: [issuerKey.publicJwk] };
    const made = await stack.http('POST', '/v1/logins', { key: stack.vault.adminKey, body: { role: 'agent', oidc } });
    const { id: login } = await made.json();
    const token = await signToken(issuerKey, claims);
    return { path: '/v1/login/oidc', body: { org: stack.vault.adminKey.split('_')[1], login, token } };
  };
  /** A request with the proof of a link's key. */
  const onLink = async (end: string, verb: 'open' | 'burn'): Promise<Request> => {
    const { url, link } = await stack.client.blobs.put(new TextEncoder().encode('x'), { burn: true });
    return { path: `/v1/links/${link}/${end}`, body: { proof: await linkProof(url, verb) } };
  };
  /** A request with the proof of the link of a request for a secret. */
  let asked = 0;
  const onSecretLink = async (end: string, purpose: 'fill' | 'deny', more = {}): Promise<Request> => {
    const { url } = await stack.client.vault.request(`asked/${asked++}`, { why: 'SECRETMARK' });
    const opened = openLink(url);
    return { path: `/v1/secret-links/${opened.link}/${end}`, body: { proof: await proofOf(opened, purpose), ...more } };
  };
  /** A vault, and a request that its device signed. */
  const onDevice = async (method: string, end: string, body?: object): Promise<Request> => {
    const vault = new ServedVault(stack, await createUser(stack));
    const device = await vault.begin();
    const { scope } = vault;
    const path = `/v1/device-vaults/${scope.vault}${end}`;
    const text = body === undefined ? '' : JSON.stringify(body);
    return { path, body, headers: await signatureHeaders(stack, device, scope, method, path, text) };
  };
  /** A directory, and a request that its first device signed. */
  const onSession = async (method: string, end: string, body?: object): Promise<Request> => {
    const served = await ServedDirectory.begin(stack);
    const path = `/v1/session${end}`;
    const text = body === undefined ? '' : JSON.stringify(body);
    return { path, body, headers: await served.headers(served.first, method, path, text) };
  };
  /** A request with an invite. */
  const onInvite = async (verb: 'create' | 'begin' | 'put' | 'read'): Promise<Request> => {
    const invite = createInvite(stack.vault.adminKey.split('_')[1] ?? '', new Uint8Array(32));
    const lookup = await inviteLookup(invite);
    const grant = { person: 'a'.repeat(16), role: 'owner', stored: toBase64(storedLookup(lookup)) };
    const made = { path: '/v1/session/invites', body: { invite: invite.id, ...grant } };
    if (verb === 'create') return made;
    expect((await stack.http('POST', made.path, { key: admin(), body: made.body })).status).toBe(201);
    const path = `/v1/session/enrollments/${invite.org}/${invite.id}`;
    const body = { lookup: toBase64(lookup) };
    if (verb === 'begin') return { path, body };
    if (verb === 'read') return { path: `${path}/directory`, body: { ...body, after: 0 } };
    const enrollment = { ik: bytes32, dh: bytes32, proof: bytes32, possession: Buffer.alloc(64).toString('base64') };
    return { path, body: { ...body, ...enrollment } };
  };
  const device = '/v1/device-vaults/0123456789abcdef';
  /** A request for each route. Null for routes without an authenticated caller or a proof, which are not recorded. */
  const blob = '/v1/blobs/01m7xpe6000123456789abcdef';
  const bytes32 = Buffer.alloc(32).toString('base64');
  const requests: Record<RouteId, Request | (() => Promise<Request>) | null> = {
    getOpenApi: null,
    getPublicKeys: null,
    createOrg: { path: '/v1/orgs', key: 'operator' },
    getOrg: { path: '/v1/org' },
    createKey: { path: '/v1/keys', body: { role: 'agent' } },
    listKeys: { path: '/v1/keys' },
    revokeKey: { path: '/v1/keys/0123456789abcdef' },
    rotateKey: { path: '/v1/keys/0123456789abcdef/rotation', body: {} },
    createLogin: { path: '/v1/logins', body: { role: 'agent', aws: { account: '0', roleId: 'AROA' } } },
    listLogins: { path: '/v1/logins' },
    deleteLogin: { path: '/v1/logins/0123456789abcdef' },
    logInWithOidc: () => onIdentity(),
    // Only a signature that STS accepts is recorded: test/logins.
    logInWithAws: null,
    createSecretRequest: { path: '/v1/secret-requests', body: { name: 'asked/name', why: 'SECRETMARK' } },
    getSecretRequest: { path: '/v1/secret-requests/0123456789abcdef' },
    cancelSecretRequest: { path: '/v1/secret-requests/0123456789abcdef' },
    lookAtSecretRequest: null,
    fillSecretRequest: () => onSecretLink('filling', 'fill', { sealed: 'AAAA' }),
    denySecretRequest: () => onSecretLink('denial', 'deny'),
    startRotation: { path: '/v1/org/rotation', body: {} },
    getRotation: { path: '/v1/org/rotation' },
    shredOrg: { path: '/v1/org/shred', body: { confirm: 'another org' } },
    cancelShred: { path: '/v1/org/shred' },
    getShred: { path: '/v1/org/shred' },
    destroyValue: { path: '/v1/vault/destroy/gone', body: { confirm: 'gone' } },
    queryAudit: { path: '/v1/audit' },
    exportAudit: { path: '/v1/audit/export' },
    setValue: { path: '/v1/vault/values/secret/b', body: { value: 'SECRETMARK' } },
    deleteValue: { path: '/v1/vault/values/secret/c' },
    setValues: { path: '/v1/vault/batch-set', body: { items: [{ name: 'secret/d', value: 'SECRETMARK' }] } },
    getValue: { path: value },
    listValues: { path: '/v1/vault/values' },
    listVersions: { path: '/v1/vault/versions/secret/a' },
    getValues: { path: '/v1/vault/batch-get', body: { names: ['secret/a'] } },
    // The record has the host and the names, and nothing else of the request.
    fetch: {
      path: '/v1/fetch',
      body: {
        url: 'https://SECRETMARK.example.com/SECRETMARK',
        headers: { authorization: '{{anima://secret/a}}' },
        body: 'SECRETMARK',
      },
    },
    createBlob: { path: '/v1/blobs', body: { size: 2000 } },
    listBlobs: { path: '/v1/blobs' },
    getBlob: { path: blob },
    deleteBlob: { path: blob },
    listParts: { path: `${blob}/parts` },
    grantParts: { path: `${blob}/parts`, body: { parts: [{ number: 1, size: 5, checksum: bytes32 }] } },
    completeBlob: {
      path: `${blob}/completion`,
      body: { checksum: bytes32, verifiers: { open: bytes32, burn: bytes32 } },
    },
    relinkBlob: { path: `${blob}/link`, body: {} },
    lookAtLink: null,
    openLink: () => onLink('opening', 'open'),
    burnLink: () => onLink('burning', 'burn'),
    addMemory: { path: '/v1/memory/records', body: { data: 'SECRETMARK' }, key: 'user' },
    addMemories: { path: '/v1/memory/batch-add', body: { items: [{ data: 'SECRETMARK' }] }, key: 'user' },
    listMemory: { path: '/v1/memory/records', key: 'user' },
    getMemory: { path: '/v1/memory/records/a', key: 'user' },
    replaceMemory: { path: '/v1/memory/records/a', body: { data: 'SECRETMARK' }, key: 'user' },
    deleteMemory: { path: '/v1/memory/records/a', key: 'user' },
    searchMemory: { path: '/v1/memory/search', body: { text: 'SECRETMARK' }, key: 'user' },
    listMessages: { path: '/v1/messages', key: 'user' },
    createUser: { path: '/v1/users', body: {} },
    listUsers: { path: '/v1/users' },
    deleteUser: { path: '/v1/users/0123456789abcdef' },
    getAccount: { path: '/v1/account', key: 'user' },
    changeUserKey: { path: '/v1/account/key', body: { newKey: 'odd' }, key: 'user' },
    setPassword: { path: '/v1/account/password', body: { login: 'ada', password: 'SECRETMARK' }, key: 'user' },
    removePassword: { path: '/v1/account/password', key: 'user' },
    startLink: { path: '/v1/account/link', body: {}, key: 'user' },
    removeSlot: { path: '/v1/account/slots/0123456789abcdef', key: 'user' },
    deleteAccount: { path: '/v1/account', key: 'user' },
    explain: { path: '/v1/explain?ref=value:a' },
    explainOwn: { path: '/v1/account/explain?ref=user:0123456789abcdef', key: 'user' },
    createDeviceVault: {
      path: '/v1/device-vaults',
      body: { vault: 'a'.repeat(16), entry: 'AAAA', wraps: 'AAAA' },
      key: 'user',
    },
    listDeviceVaults: { path: '/v1/device-vaults', key: 'user' },
    deleteDeviceVault: { path: device, key: 'user' },
    getDeviceRecovery: { path: `${device}/recovery`, key: 'user' },
    getPairing: { path: `${device}/pairings/0123456789abcdef`, key: 'user' },
    putNewDeviceMessage: { path: `${device}/pairings/0123456789abcdef/new/1`, body: { message: 'AAAA' }, key: 'user' },
    keepDeviceVault: () => onDevice('DELETE', '/deletion'),
    readDeviceLog: () => onDevice('GET', '/log'),
    appendDeviceLog: () => onDevice('POST', '/log', { entry: 'AAAA' }),
    pruneDeviceLog: () => onDevice('POST', '/prune', { checkpoint: 1 }),
    readBundleEntries: () => onDevice('GET', '/bundles/1/entries'),
    readBundleRecords: () => onDevice('GET', '/bundles/1/records'),
    listPairings: () => onDevice('GET', '/pairings'),
    putApproverMessage: () => onDevice('PUT', '/pairings/0123456789abcdef/approver/1', { message: 'AAAA' }),
    deletePairing: () => onDevice('DELETE', '/pairings/0123456789abcdef'),
    appendDirectory: { path: '/v1/session/directory', body: { entry: 'AAAA' } },
    readDirectory: { path: '/v1/session/directory' },
    createInvite: () => onInvite('create'),
    listInvites: { path: '/v1/session/invites' },
    deleteInvite: { path: '/v1/session/invites/0123456789abcdef' },
    beginEnrollment: () => onInvite('begin'),
    putEnrollment: () => onInvite('put'),
    readInvitedDirectory: () => onInvite('read'),
    appendSessionEntry: () => onSession('POST', '/entries', { entry: 'AAAA' }),
    putBundle: () => onSession('PUT', '/bundle', { bundle: 'AAAA', oneTimePrekeys: [] }),
    claimBundle: () => onSession('POST', `/bundles/${'a'.repeat(32)}/claim`, {}),
    putConversation: () => onSession('PUT', `/conversations/${'a'.repeat(32)}`, { statement: 'AAAA' }),
    getBrokerKeys: { path: '/v1/broker/keys/annannannannanna' },
    getApproverKey: { path: '/v1/broker/approvers/annannannannanna' },
    putPersonKey: () => onSession('PUT', '/person-key', { statement: 'AAAA' }),
    getPersonKey: null,
    putApprovalKey: () => onSession('PUT', '/approval-key', { statement: 'AAAA' }),
    answerApproval: () => onSession('POST', '/approvals/0123456789abcdef', { refused: 'clock' }),
    listApprovals: null,
    listActivity: () => onSession('GET', '/activity'),
    // Messages are not recorded, and neither is what devices read.
    readSessionEntries: null,
    readCheckpoint: null,
    getBundle: null,
    listConversations: null,
    sendMessages: null,
    readMailbox: null,
    acknowledgeMessages: null,
    createAttachment: null,
    getAttachment: null,
    createTicket: null,
    putPush: null,
    deletePush: null,
    getPushKey: null,
    logIn: () => onLogin(),
    logOut: { path: '/v1/sessions', key: 'user' },
    // Requests without a valid provider signature are not recorded. test/conversations tests those with one.
    receiveTwilio: null,
    receiveWhatsApp: null,
    verifyWhatsApp: null,
    receiveSlack: null,
    receiveMailgun: null,
    receiveSendGrid: null,
  };
  const audited = (Object.keys(routes) as RouteId[]).filter((id) => requests[id] !== null);

  const isRecord = (call: EngineCall) =>
    call.action === 'PutItem' && String(Reflect.get(Object(call.input), 'TableName')).includes('Audit');
  const failing = (fault: InjectedFault) =>
    stack.vault.setHooks({ before: (call) => (isRecord(call) ? fault : undefined) });

  const faults: [string, InjectedFault][] = [
    ['throttled', { type: 'ProvisionedThroughputExceededException', status: 400, message: 'slow down' }],
    ['denied', { type: 'AccessDeniedException', status: 400, message: 'no' }],
  ];

  test('there is a request for every route that is recorded, and for no other', () => {
    for (const id of Object.keys(routes) as RouteId[])
      expect(requests[id] === null, id).toBe(
        auditVerbOf(id) === undefined || routes[id].auth === 'signature' || id === 'logInWithAws',
      );
  });

  test('an effect that cannot be undone does not happen without a record that it was begun', async () => {
    const { adminKey, agentKey } = await stack.newOrg();
    const { vault } = stack.clientOf(agentKey);
    await vault.set('kept', 'x');
    const { id } = await (await stack.http('POST', '/v1/keys', { key: adminKey, body: { role: 'agent' } })).json();
    const { user, key } = await (await stack.http('POST', '/v1/users', { key: adminKey, body: {} })).json();
    const destructive: [string, string, string, object?][] = [
      ['DELETE', '/v1/account', key, {}],
      ['DELETE', '/v1/vault/values/kept', agentKey],
      ['POST', '/v1/vault/destroy/kept', adminKey, { confirm: 'kept' }],
      ['DELETE', `/v1/keys/${id}`, adminKey],
      ['DELETE', `/v1/users/${user}`, adminKey],
    ];
    failing({ type: 'AccessDeniedException', status: 400, message: 'no' });
    for (const [method, path, credential, body] of destructive) {
      const answer = await stack.http(method, path, { key: credential, body });
      expect(await answer.clone().text()).toContain('was not carried out');
      await expectProblem(answer, 'audit_unavailable');
    }
    stack.vault.setHooks();
    expect(await vault.get('kept')).toBe('x');
    expect((await get('/v1/account', key)).status).toBe(200);
    const { keys } = await (await get('/v1/keys', adminKey)).json();
    expect(keys.filter(({ revokedAt }: { revokedAt?: string }) => revokedAt !== undefined)).toEqual([]);

    // The first record is written, and the second one fails: the effect is on record, and its result is unknown.
    let written = 0;
    stack.vault.setHooks({
      before: (call) =>
        isRecord(call) && written++ > 0 ? { type: 'AccessDeniedException', status: 400, message: 'no' } : undefined,
    });
    await expectProblem(await stack.http('DELETE', '/v1/account', { key, body: {} }), 'audit_unavailable');
    stack.vault.setHooks();
    const deletions = (await recordsOf(adminKey)).filter(({ route }) => route === 'deleteAccount');
    expect(deletions).toMatchObject([{ principal: `user:${user}`, verb: 'account.delete', result: 'started' }]);
    await expectProblem(await get('/v1/account', key), 'invalid_credential');
  });

  /** Sends a request with its credential. */
  async function senderOf(
    id: RouteId,
    { path, body, headers = {}, key: kind }: Request,
  ): Promise<() => Promise<Response>> {
    const { method } = routes[id];
    if (kind === 'operator') return () => stack.asOperator(method, path);
    const isSigned = Object.keys(headers).length > 0;
    const key = kind === 'user' ? await userKey() : isSigned ? undefined : admin();
    return () => stack.http(method, path, { key, body, headers });
  }

  test.each(audited)('%s answers 503 and discloses nothing', async (id) => {
    const made = requests[id] ?? expect.fail();
    const request = typeof made === 'function' ? await made() : made;
    await stack.clientOf(admin()).vault.set('secret/a', 'SECRETMARK');
    const ask = await senderOf(id, request);
    // Records of other requests are written by the same code, so one fault is sufficient. The first fault takes long.
    const isOfOrg = request.key !== 'user' && request.headers === undefined;
    for (const [, fault] of isOfOrg ? faults : faults.slice(1)) {
      failing(fault);
      const answer = await ask();
      stack.vault.setHooks();
      const text = await answer.clone().text();
      await expectProblem(answer, 'audit_unavailable');
      expect(text).not.toMatch(/SECRETMARK|anm_|secret\/a|X-Amz-|\.enc/);
    }
  });

  test('a refusal is not told either', async () => {
    failing({ type: 'AccessDeniedException', status: 400, message: 'no' });
    await expectProblem(await get('/v1/keys', stack.vault.agentKey), 'audit_unavailable');
  });

  test('for a moment only, the request succeeds, with one record', async () => {
    const records = await left(async ({ agentKey: key }) => {
      await stack.clientOf(key).vault.set('a', 'x');
      const fates: InjectedFault[] = ['drop-after', 'drop-before'];
      stack.vault.setHooks({ before: (call) => (isRecord(call) ? fates.shift() : undefined) });
      expect((await get('/v1/vault/values/a', key)).status).toBe(200);
      stack.vault.setHooks();
    });
    expect(records.map(({ route }) => route)).toEqual(['setValue', 'getValue']);
  });

  test('because the table is slow, the answer is there before the function ends', async () => {
    failing({ delayMs: 20_000 });
    const started = Date.now();
    await expectProblem(await get('/v1/org', admin()), 'audit_unavailable');
    expect(Date.now() - started).toBeLessThan(14_000);
  });

  test('a set that was sent again once it can be written has stored one version', async () => {
    const { agentKey: key } = await stack.newOrg();
    const body = { value: 'x', writeId: 'write-id-0123456789' };
    const put = () => stack.http('PUT', '/v1/vault/values/a', { key, body });
    failing({ type: 'AccessDeniedException', status: 400, message: 'no' });
    await expectProblem(await put(), 'audit_unavailable');
    stack.vault.setHooks();
    expect(await (await put()).json()).toMatchObject({ version: 1 });
  });
});
