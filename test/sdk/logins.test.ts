/** A client that logs in: where the identity comes from, and when the key is renewed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { encodeKeySecret, formatApiKey } from '../../core/api-keys/api-key.ts';
import { buildCallerIdentityRequest } from '../../lambdas/logins/caller-identity.ts';
import { Anima, type AnimaOptions } from '../../sdk/src/index.ts';
import { InMemorySts } from '../logins/in-memory-logins.ts';
import { info, json, problem } from './fake-fetch.ts';

const org = '0123456789abcdef';
const login = `${org}/abcdefghjkmnpqrs`;
const baseURL = 'https://vault.example.com';
const audience = `${baseURL}/${org}`;
/** A vault that gives keys, and its requests. */
function fakeVault(keySeconds = 900) {
  const requests: { path: string; authorization: string | null; body: Record<string, string> }[] = [];
  const state = { keySeconds, answer: (_: string): Response | undefined => undefined, gate: Promise.resolve() };
  const fetch = async (input: unknown, init: RequestInit = {}) => {
    const path = new URL(String(input)).pathname;
    const authorization = new Headers(init.headers).get('authorization');
    requests.push({ path, authorization, body: JSON.parse(String(init.body ?? '{}')) });
    await state.gate;
    const answer = state.answer(path);
    if (answer !== undefined) return answer;
    if (!path.startsWith('/v1/login/')) return json({ ...info(path.split('/').pop() ?? ''), value: 'secret' });
    const id = String(requests.length).padStart(16, '0');
    const key = formatApiKey({ org, id, secret: encodeKeySecret(Buffer.alloc(32, requests.length)) });
    const expiresAt = new Date(Date.now() + state.keySeconds * 1000).toISOString();
    return json({ id, key, role: 'agent', expiresAt });
  };
  const paths = () => requests.map(({ path }) => path.replace('/v1/login/', 'login ').replace('/v1/vault/values/', ''));
  const clientOf = (options: AnimaOptions = {}) =>
    new Anima({ login, baseURL, maxRetries: 1, fetch: fetch as typeof globalThis.fetch, ...options });
  return { requests, state, paths, clientOf };
}

const token = (n = 0) => `e30.${Buffer.from(`{"n":${n}}`).toString('base64url')}.c2ln`;
const provider = () => {
  let n = 0;
  return { getToken: vi.fn(async () => token(n++)) };
};

beforeEach(() => {
  for (const name of Object.keys(process.env)) {
    if (/^(?:AWS_|ACTIONS_|GITHUB_|GITLAB_|ANIMA_|KUBERNETES_)/.test(name)) vi.stubEnv(name, undefined);
  }
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

describe('the key', () => {
  test('comes from a login at the first call, and serves the calls after it', async () => {
    const vault = fakeVault();
    const identity = provider();
    const client = vault.clientOf({ identity });
    await client.vault.get('a');
    await client.vault.get('b');
    expect(vault.paths()).toEqual(['login oidc', 'a', 'b']);
    expect(identity.getToken).toHaveBeenCalledWith(audience, { signal: expect.any(AbortSignal) });
    expect(vault.requests[0]).toMatchObject({
      authorization: null,
      body: { org, login: 'abcdefghjkmnpqrs', token: token() },
    });
    expect(vault.requests[1]?.authorization).toMatch(/^Bearer anm_0123456789abcdef_/);
    expect(vault.requests[2]?.authorization).toBe(vault.requests[1]?.authorization);
  });

  test('is one for concurrent calls, and a call that is cancelled does not cancel the login of the others', async () => {
    const vault = fakeVault();
    let open = () => {};
    vault.state.gate = new Promise<void>((resolve) => (open = resolve));
    const client = vault.clientOf({ identity: provider() });
    const controller = new AbortController();
    const calls = [client.vault.get('a', { signal: controller.signal }), client.vault.get('b'), client.vault.get('c')];
    const settled = Promise.allSettled(calls);
    await vi.waitFor(() => expect(vault.requests).toHaveLength(1));
    controller.abort();
    await expect(calls[0]).rejects.toMatchObject({ code: 'aborted' });
    open();
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(vault.paths().sort()).toEqual(['b', 'c', 'login oidc']);
  });

  test('is renewed before it expires, and the old one is used while the vault gives none', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    const vault = fakeVault();
    const client = vault.clientOf({ identity: provider(), maxRetries: 0 });
    await client.vault.get('a');
    vi.advanceTimersByTime(719_000);
    await client.vault.get('b');
    expect(vault.paths()).toEqual(['login oidc', 'a', 'b']);
    vi.advanceTimersByTime(2_000);
    vault.state.answer = (path) => (path.startsWith('/v1/login/') ? problem('unavailable') : undefined);
    await client.vault.get('c');
    expect(vault.paths().slice(3)).toEqual(['login oidc', 'c']);
    expect(vault.requests.at(-1)?.authorization).toBe(vault.requests[1]?.authorization);
    vi.advanceTimersByTime(180_000);
    await expect(client.vault.get('d')).rejects.toMatchObject({ code: 'unavailable' });
    vault.state.answer = () => undefined;
    await client.vault.get('e');
    expect(vault.requests.at(-1)?.authorization).not.toBe(vault.requests[1]?.authorization);
  });

  test('is renewed once after api_key_expired, and the call is sent again', async () => {
    const vault = fakeVault();
    const client = vault.clientOf({ identity: provider() });
    let expired = 1;
    vault.state.answer = (path) =>
      path.includes('/values/') && expired-- > 0 ? problem('api_key_expired') : undefined;
    expect(await client.vault.get('a')).toBe('secret');
    expect(vault.paths()).toEqual(['login oidc', 'a', 'login oidc', 'a']);
    expired = 2;
    await expect(client.vault.get('b')).rejects.toMatchObject({ code: 'api_key_expired' });
  });

  test('is not renewed after other refusals', async () => {
    const vault = fakeVault();
    vault.state.answer = (path) => (path.includes('/values/') ? problem('api_key_revoked') : undefined);
    await expect(vault.clientOf({ identity: provider() }).vault.get('a')).rejects.toMatchObject({
      code: 'api_key_revoked',
    });
    expect(vault.paths()).toEqual(['login oidc', 'a']);
  });

  test('comes from a new token for each attempt, because a token can work once', async () => {
    const vault = fakeVault();
    const identity = provider();
    let failures = 1;
    vault.state.answer = (path) =>
      path.startsWith('/v1/login/') && failures-- > 0 ? problem('unavailable') : undefined;
    await vault.clientOf({ identity }).vault.get('a');
    expect(vault.requests.slice(0, 2).map(({ body }) => body.token)).toEqual([token(0), token(1)]);
  });

  test('a refused login is an error that says so, without the token', async () => {
    const vault = fakeVault();
    vault.state.answer = (path) => (path.startsWith('/v1/login/') ? problem('identity_refused') : undefined);
    const error: unknown = await vault
      .clientOf({ identity: provider() })
      .vault.get('a')
      .catch((one: unknown) => one);
    expect(error).toMatchObject({ code: 'identity_refused' });
    expect(JSON.stringify(error)).not.toContain(token());
    expect(vault.paths()).toEqual(['login oidc']);
  });
});

describe('the settings', () => {
  test('come from the environment, where a key has precedence', async () => {
    vi.stubEnv('ANIMA_LOGIN', login);
    vi.stubEnv('ANIMA_URL', baseURL);
    vi.stubEnv('ANIMA_ID_TOKEN', token(7));
    const vault = fakeVault();
    const client = vault.clientOf({ login: undefined, baseURL: undefined });
    await client.vault.get('a');
    expect(vault.requests[0]?.body.token).toBe(token(7));
    vi.stubEnv('ANIMA_KEY', formatApiKey({ org, id: '0000000000000000', secret: encodeKeySecret(Buffer.alloc(32)) }));
    await vault.clientOf({ login: undefined }).vault.get('b');
    expect(vault.paths().slice(2)).toEqual(['b']);
  });

  test.each([
    ['another form', { login: 'x' }, 'invalid_argument'],
    ['a key too', { apiKey: 'anm_x' }, 'invalid_argument'],
    ['no address', { baseURL: undefined }, 'missing_url'],
    ['http', { baseURL: 'http://vault.example.com' }, 'insecure_url'],
  ])('with %s are refused', (_, options, code) => {
    expect(() => new Anima({ login, baseURL, ...options })).toThrow(expect.objectContaining({ code }));
  });

  test('for user data are refused before anything is sent', async () => {
    const vault = fakeVault();
    await expect(vault.clientOf({ identity: provider() }).account.info()).rejects.toMatchObject({
      code: 'wrong_key_kind',
    });
    expect(vault.requests).toEqual([]);
  });
});

describe('the identity of a platform', () => {
  let server: Server;
  let url: string;
  let seen: IncomingMessage[];
  let answers: Record<string, object | string>;
  beforeEach(async () => {
    seen = [];
    server = createServer((request, response) => {
      seen.push(request);
      const answer = answers[`${request.method} ${new URL(request.url ?? '', url).pathname}`];
      if (answer === undefined) response.writeHead(404).end();
      else response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => void server.close());

  test('GitHub: a token for the audience, with the token of the job', async () => {
    vi.stubEnv('GITHUB_ACTIONS', 'true');
    vi.stubEnv('ACTIONS_ID_TOKEN_REQUEST_URL', `${url}/token?api-version=2.0`);
    vi.stubEnv('ACTIONS_ID_TOKEN_REQUEST_TOKEN', 'job-token');
    answers = { 'GET /token': { count: 1, value: token(3) } };
    const vault = fakeVault();
    await vault.clientOf().vault.get('a');
    expect(vault.requests[0]?.body.token).toBe(token(3));
    expect(seen[0]?.headers.authorization).toBe('Bearer job-token');
    expect(new URL(seen[0]?.url ?? '', url).searchParams.get('audience')).toBe(audience);
    expect(seen[0]?.url).toContain('api-version=2.0');
  });

  test('GitHub without the permission: the error says which one', async () => {
    vi.stubEnv('GITHUB_ACTIONS', 'true');
    const failed = fakeVault().clientOf({ maxRetries: 0 }).vault.get('a');
    await expect(failed).rejects.toMatchObject({
      code: 'identity_unavailable',
      detail: expect.stringContaining('permissions: id-token: write'),
    });
  });

  test('Kubernetes: the file is read for each login, and a missing one is an error with the audience', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'anima-'));
    const file = join(folder, 'token');
    vi.stubEnv('ANIMA_IDENTITY_TOKEN_FILE', file);
    const vault = fakeVault();
    const client = vault.clientOf({ maxRetries: 0 });
    await expect(client.vault.get('a')).rejects.toMatchObject({ detail: expect.stringContaining(audience) });
    writeFileSync(file, `${token(4)}\n`);
    await client.vault.get('a');
    expect(vault.requests[0]?.body.token).toBe(token(4));
    rmSync(folder, { recursive: true });
  });

  test('no platform: the error says how to name one', async () => {
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    const failed = fakeVault().clientOf({ maxRetries: 0 }).vault.get('a');
    await expect(failed).rejects.toMatchObject({ detail: expect.stringContaining('ANIMA_IDENTITY') });
  });

  const sts = new InMemorySts();
  const { accessKeyId, secretAccessKey, securityToken } = sts;
  const aws = { account: sts.account, roleId: sts.roleId };
  /** Whether AWS accepts what the vault sends for the last login of the client. */
  const isSigned = (body: Record<string, string> | undefined) =>
    sts.isSigned(buildCallerIdentityRequest(body as never, aws));

  test('AWS: the credentials of the environment sign what the vault sends', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey);
    vi.stubEnv('AWS_SESSION_TOKEN', securityToken);
    vi.stubEnv('AWS_REGION', 'eu-west-1');
    const vault = fakeVault();
    await vault.clientOf().vault.get('a');
    expect(vault.paths()).toEqual(['login aws', 'a']);
    expect(vault.requests[0]?.body).toMatchObject({ org, audience, region: 'eu-west-1' });
    expect(isSigned(vault.requests[0]?.body)).toBe(true);
    expect(isSigned({ ...vault.requests[0]?.body, nonce: 'A'.repeat(32) })).toBe(false);
    expect(JSON.stringify(vault.requests)).not.toContain(secretAccessKey);
  });

  test('AWS: the credentials of a container, with its token', async () => {
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `${url}/credentials`);
    vi.stubEnv('AWS_CONTAINER_AUTHORIZATION_TOKEN', 'container-token');
    answers = {
      'GET /credentials': { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: securityToken },
    };
    const vault = fakeVault();
    await vault.clientOf().vault.get('a');
    expect(seen[0]?.headers.authorization).toBe('container-token');
    expect(isSigned(vault.requests[0]?.body)).toBe(true);
  });

  test('AWS: credentials over http come only from addresses of AWS and of this machine', async () => {
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', 'http://evil.example/credentials');
    const failed = fakeVault().clientOf({ maxRetries: 0 }).vault.get('a');
    await expect(failed).rejects.toMatchObject({ code: 'identity_unavailable' });
  });

  test('AWS: the credentials of a user are none of a role', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAIOSFODNN7EXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey);
    const failed = fakeVault().clientOf({ identity: 'aws', maxRetries: 0 }).vault.get('a');
    await expect(failed).rejects.toMatchObject({ detail: expect.stringContaining('Assume a role') });
  });

  test('AWS: a provider of the caller, for example of the AWS SDK', async () => {
    const getAwsCredentials = async () => ({ accessKeyId, secretAccessKey, sessionToken: securityToken });
    const vault = fakeVault();
    await vault.clientOf({ identity: { getAwsCredentials, region: 'us-east-2' } }).vault.get('a');
    expect(vault.requests[0]?.body.region).toBe('us-east-2');
    expect(isSigned(vault.requests[0]?.body)).toBe(true);
  });
});
