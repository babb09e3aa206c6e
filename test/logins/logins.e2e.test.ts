/** Logins over HTTP: a key for a token of an issuer on this machine, its use, its records, and its end. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditRecord } from '../../contract/audit/wire.ts';
import type { WorkloadLoginResponse } from '../../contract/logins/wire.ts';
import { parseApiKey } from '../../core/api-keys/api-key.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { githubClaims, newSigningKey, type SigningKey, signToken } from './fake-issuer.ts';

const stack = useLocalStack();
let key: SigningKey;
let server: Server;
let issuer: string;
let requests: string[] = [];
let respond: (path: string) => { status: number; headers?: Record<string, string>; body: string };
let org: string;
let adminKey: string;

beforeAll(async () => {
  key = await newSigningKey('key-1');
  server = createServer((request, response) => {
    requests.push(request.url ?? '');
    const { status, headers, body } = respond(request.url ?? '');
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  respond = published;
  adminKey = stack.vault.adminKey;
  org = parseApiKey(adminKey)?.org ?? expect.fail('malformed');
});
afterAll(() => void server.close());

const published: typeof respond = (path) =>
  path.endsWith('/.well-known/openid-configuration')
    ? {
        status: 200,
        body: JSON.stringify({
          issuer: issuer + path.slice(0, path.indexOf('/.well-known')),
          jwks_uri: `${issuer}/jwks`,
        }),
      }
    : { status: 200, body: JSON.stringify({ keys: [key.publicJwk] }) };

async function createLogin(path: string, more: object = {}): Promise<string> {
  const body = {
    role: 'agent',
    oidc: { issuer: issuer + path, claims: { repository_id: '74' }, singleUse: true },
    ...more,
  };
  const made = await stack.http('POST', '/v1/logins', { key: adminKey, body });
  expect(made.status).toBe(201);
  return (await made.json()).id;
}

let drawn = 0;
const tokenOf = (path: string, change: Record<string, unknown> = {}) => {
  const claims = {
    ...githubClaims(new Date(), `${stack.vault.url}/${org}`, `id-${drawn++}`),
    iss: issuer + path,
    ...change,
  };
  return signToken(key, claims);
};

const logIn = (login: string, token: string) => stack.http('POST', '/v1/login/oidc', { body: { org, login, token } });

async function keyOf(login: string, path: string): Promise<WorkloadLoginResponse> {
  const given = await logIn(login, await tokenOf(path));
  expect(given.status).toBe(200);
  return await given.json();
}

test('a token gives a key that works within the limits of its login, and says where it comes from', async () => {
  const login = await createLogin('/use', { prefixes: ['ci/'], name: 'ci' });
  const { key: given, id, expiresAt } = await keyOf(login, '/use');
  expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(900_000);
  expect((await stack.http('PUT', '/v1/vault/values/ci/a', { key: given, body: { value: 'x' } })).status).toBe(200);
  await expectProblem(await stack.http('GET', '/v1/vault/values/prod/a', { key: given }), 'forbidden');

  const subject = 'repo:octo-org/octo-repo:environment:prod';
  const { keys } = await (await stack.http('GET', '/v1/keys?limit=1000', { key: adminKey })).json();
  expect(keys).toContainEqual(expect.objectContaining({ id, name: 'ci', origin: { login, subject } }));

  const { records }: { records: AuditRecord[] } = await (
    await stack.http('GET', '/v1/audit?limit=1000', { key: adminKey })
  ).json();
  const own = records
    .filter((record) => record.login === login)
    .map(({ principal, route, name, result, ...rest }) => ({
      principal,
      route,
      name,
      result,
      subject: rest.subject,
    }));
  expect(own).toEqual([
    { principal: `login:${login}`, route: 'logInWithOidc', name: id, result: 'ok', subject },
    { principal: id, route: 'setValue', name: 'ci/a', result: 'ok', subject },
    { principal: id, route: 'getValue', name: 'prod/a', result: 'forbidden', subject },
  ]);
});

test('a key of a login that has the verb can create keys, which end with the login, and no logins', async () => {
  const login = await createLogin('/admin', { role: 'admin' });
  const { key: given, expiresAt } = await keyOf(login, '/admin');
  const body = { role: 'agent', aws: { account: '123456789012', roleId: 'AROACKCEVSQ6C2EXAMPLE' } };
  await expectProblem(
    await stack.http('POST', '/v1/logins', { key: given, body: { ...body, expiresAt } }),
    'forbidden',
  );
  await expectProblem(await stack.http('POST', '/v1/keys', { key: given, body: { role: 'agent' } }), 'forbidden');
  const child = await stack.http('POST', '/v1/keys', { key: given, body: { role: 'agent', expiresAt } });
  expect(child.status).toBe(201);
  const made = await child.json();
  expect(made.origin).toMatchObject({ login });
  expect((await stack.http('GET', '/v1/org', { key: made.key })).status).toBe(200);

  expect((await stack.http('DELETE', `/v1/logins/${login}`, { key: adminKey })).status).toBe(200);
  const ended = await stack.http('GET', '/v1/org', { key: made.key });
  await expectProblem(ended, 'api_key_revoked');
  await expectProblem(await logIn(login, await tokenOf('/admin')), 'identity_refused');
});

test('a token that was used, altered or made for another login is refused, and leaves no record', async () => {
  const login = await createLogin('/refused');
  const token = await tokenOf('/refused');
  expect((await logIn(login, token)).status).toBe(200);
  await expectProblem(await logIn(login, token), 'identity_refused');
  for (const change of [{ aud: 'x' }, { repository_id: '75' }, { iss: issuer }]) {
    const problem = await expectProblem(await logIn(login, await tokenOf('/refused', change)), 'identity_refused');
    expect(JSON.stringify(problem)).not.toMatch(/repository_id|octo/);
  }
  await expectProblem(await logIn('0123456789abcdef', await tokenOf('/refused')), 'identity_refused');
  const unknownOrg = { org: '0123456789abcdef', login, token: await tokenOf('/refused') };
  await expectProblem(await stack.http('POST', '/v1/login/oidc', { body: unknownOrg }), 'identity_refused');
  const { records } = await (await stack.http('GET', '/v1/audit?limit=1000', { key: adminKey })).json();
  const results = records
    .filter((record: AuditRecord) => record.login === login)
    .map(({ result }: AuditRecord) => result);
  expect(results).toEqual(['ok', 'identity_refused']);
});

test('a signature that STS does not know is refused', async () => {
  const aws = { account: '123456789012', roleId: 'AROACKCEVSQ6C2EXAMPLE' };
  const made = await stack.http('POST', '/v1/logins', { key: adminKey, body: { role: 'agent', aws } });
  const { id: login } = await made.json();
  const body = {
    org,
    login,
    audience: `${stack.vault.url}/${org}`,
    region: 'us-east-1',
    accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
    securityToken: 'FwoGZXIvYXdzEExampleSessionToken==',
    date: new Date().toISOString().replaceAll(/[-:]|\.\d{3}/g, ''),
    nonce: 'A'.repeat(22),
    signature: '0'.repeat(64),
  };
  await expectProblem(await stack.http('POST', '/v1/login/aws', { body }), 'identity_refused');
  await expectProblem(await stack.http('POST', '/v1/login/aws', { body: { ...body, region: 'x' } }), 'invalid_request');
});

describe('an issuer that does not publish its keys as documented', () => {
  const json = (status: number, body: object, headers?: Record<string, string>) => ({
    status,
    body: JSON.stringify(body),
    ...(headers === undefined ? {} : { headers }),
  });
  test.each<[string, (path: string) => ReturnType<typeof respond>]>([
    ['is down', () => json(500, {})],
    ['redirects', () => json(302, {}, { location: `${issuer}/elsewhere` })],
    [
      'has the document of another issuer',
      () => json(200, { issuer: 'https://evil.example', jwks_uri: `${issuer}/jwks` }),
    ],
    ['has its keys at another scheme', (path) => json(200, { issuer: issuer + path, jwks_uri: 'file:///etc/passwd' })],
    ['has no JSON', () => ({ status: 200, body: '<html>' })],
    ['sends without end', () => ({ status: 200, body: 'x'.repeat(300_000) })],
  ])('%s', async (title, answer) => {
    const path = `/${title.replaceAll(' ', '-')}`;
    const login = await createLogin(path);
    requests = [];
    respond = () => answer(path);
    try {
      await expectProblem(await logIn(login, await tokenOf(path)), 'unavailable');
      expect(requests).toEqual([`${path}/.well-known/openid-configuration`]);
    } finally {
      respond = published;
    }
  });
});

test('no item, record or response of a login holds a token', async () => {
  const login = await createLogin('/secret');
  const token = await tokenOf('/secret');
  expect((await logIn(login, token)).status).toBe(200);
  const [, payload = '', signature = ''] = token.split('.');
  for (const table of ['LoginsTable', 'ApiKeysTable', 'AuditTable'] as const) {
    const items = JSON.stringify(await stack.allItems(stack.table(table)));
    expect(items).not.toContain(payload);
    expect(items).not.toContain(signature);
  }
});
