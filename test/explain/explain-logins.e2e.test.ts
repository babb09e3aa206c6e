/** `explain` for logins over HTTP, with the deployed policies: before and after a key, and after the login's end. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ExplainResponse } from '../../contract/explain/wire.ts';
import { runAnima } from '../cli/in-process-cli.ts';
import { githubClaims, newSigningKey, type SigningKey, signToken } from '../logins/fake-issuer.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { createPolicyAuthorizer, type PolicyAuthorizer } from '../shared/policy-authorizer.ts';

const stack = useLocalStack();
let authorizer: PolicyAuthorizer;
let signing: SigningKey;
let server: Server;
let issuer: string;
let org: string;
let adminKey: string;

beforeAll(async () => {
  authorizer = createPolicyAuthorizer(stack.vault);
  stack.vault.setHooks({ authorize: (call) => authorizer.authorize(call) });
  signing = await newSigningKey('key-1');
  server = createServer((request, response) => {
    const isDiscovery = request.url?.endsWith('/openid-configuration') === true;
    const body = isDiscovery ? { issuer, jwks_uri: `${issuer}/jwks` } : { keys: [signing.publicJwk] };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  ({ org, adminKey } = await stack.newOrg());
});
afterAll(() => void server.close());

const oidc = () => ({ issuer, claims: { repository_id: '74' } });
const createLogin = async (more: object = {}): Promise<string> => {
  const made = await stack.http('POST', '/v1/logins', {
    key: adminKey,
    body: { role: 'agent', oidc: oidc(), ...more },
  });
  expect(made.status).toBe(201);
  return (await made.json()).id;
};
/** @returns id of the key that the login gave */
const logIn = async (login: string): Promise<string> => {
  const claims = { ...githubClaims(new Date(), `${stack.vault.url}/${org}`, `id-${crypto.randomUUID()}`), iss: issuer };
  const token = await signToken(signing, claims);
  const given = await stack.http('POST', '/v1/login/oidc', { body: { org, login, token } });
  expect(given.status, await given.clone().text()).toBe(200);
  return (await given.json()).id;
};
const ask = (ref: string, key = adminKey) => stack.http('GET', `/v1/explain?ref=${encodeURIComponent(ref)}`, { key });
const explain = async (ref: string): Promise<ExplainResponse> => await stack.clientOf(adminKey).explain(ref);
const keysOf = ({ canOpen }: ExplainResponse) => canOpen.filter(({ kind }) => kind === 'api-key').map(({ id }) => id);

test('a login is explained with the keys that it gave, until it is deleted', async () => {
  const login = await createLogin({ keySeconds: 600 });
  const before = await explain(`login:${login}`);
  expect(before).toMatchObject({ ref: `login:${login}`, custody: 'org', state: 'stored' });
  expect(before.canOpen.map(({ kind }) => kind)).toEqual(['identity', 'identity', 'function', 'operator']);
  expect(before.canOpen[0]?.who).toContain('the claims repository_id = "74"');
  expect(before.canOpen[0]?.how).toContain('for 600 seconds');
  const id = await logIn(login);
  const revoked = await logIn(login);
  await stack.clientOf(adminKey).keys.revoke(revoked);
  expect(keysOf(await explain(`login:${login}`))).toEqual([id]);
  await stack.clientOf(adminKey).vault.set('a', 'x');
  const value = await explain('value:a');
  expect(value.canOpen.find((party) => party.id === id)?.how).toContain(`see login:${login}`);
  expect((await stack.http('DELETE', `/v1/logins/${login}`, { key: adminKey })).status).toBe(200);
  const after = await explain(`login:${login}`);
  expect(after).toMatchObject({ state: 'gone', canOpen: [] });
  expect(after.cannotOpen[0]?.how).toContain('no login with that ID');
  expect(authorizer.denials.filter((denial) => denial.includes('explainer'))).toEqual([]);
});

test('a record that somebody changed in the table is damaged, and explains nothing of what it claims', async () => {
  const login = await createLogin();
  const table = stack.table('LoginsTable');
  const item = await stack.getItem(table, { org, id: `login/${login}` });
  const forged = (item.login?.S ?? '').replace('"agent"', '"admin"');
  await stack.putItem(table, { ...item, login: { S: forged } });
  expect((await explain(`login:${login}`)).cannotOpen[0]?.how).toContain('does not verify');
  await stack.putItem(table, item);
  expect((await explain(`login:${login}`)).state).toBe('stored');
});

test('a login of another org, a key that is limited to prefixes, and a malformed id learn nothing', async () => {
  const login = await createLogin();
  const other = await stack.newOrg();
  const elsewhere = await (await ask(`login:${login}`, other.adminKey)).json();
  expect(elsewhere).toMatchObject({ state: 'gone', canOpen: [] });
  const { key } = await stack.clientOf(adminKey).keys.create({ role: 'auditor', prefixes: ['prod/'] });
  await expectProblem(await ask(`login:${login}`, key), 'forbidden');
  for (const id of ['', 'x', login.toUpperCase().replace(/\d/g, 'A'), `${login}0`])
    await expectProblem(await ask(`login:${id}`), 'invalid_request');
  const records = await stack.clientOf(adminKey).audit.query({ name: login }).toArray();
  expect(records.map(({ route }) => route)).toContain('explain');
});

test('the command prints the answer, and the SDK refuses other references before it sends anything', async () => {
  const login = await createLogin();
  const env = { ANIMA_KEY: adminKey, ANIMA_URL: stack.vault.url };
  const { code, stdout } = await runAnima(['explain', `login:${login}`], { env });
  expect(code).toBe(0);
  expect(stdout).toContain(`login:${login}: org custody, stored`);
  expect(stdout).toContain(`- Anyone with a token of the issuer ${issuer}`);
  await expect(stack.clientOf(adminKey).explain(`logins:${login}`)).rejects.toMatchObject({ code: 'invalid_argument' });
});
