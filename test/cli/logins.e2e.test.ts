/** `anima logins`, and commands that log in with the identity of a job. The job is a process of its own. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseApiKey } from '../../core/api-keys/api-key.ts';
import { gitlabClaims, newSigningKey, type SigningKey, signToken } from '../logins/fake-issuer.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { startProcess } from './command-runner.ts';
import { runAnima, temporaryHome } from './in-process-cli.ts';

const stack = useLocalStack();
const { env: bare } = temporaryHome();
let env: Record<string, string>;
let server: Server;
let issuer: string;
let key: SigningKey;
const ran = (args: readonly string[], more = {}) => runAnima(args, { env: { ...env, ...more } });

beforeAll(async () => {
  env = { ...bare, ANIMA_URL: stack.vault.url, ANIMA_KEY: stack.vault.adminKey };
  key = await newSigningKey('key-1');
  server = createServer((request, response) => {
    const isDiscovery = request.url?.includes('.well-known') === true;
    response.end(JSON.stringify(isDiscovery ? { issuer, jwks_uri: `${issuer}/jwks` } : { keys: [key.publicJwk] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

const create = async (...options: string[]) => {
  const args = ['logins', 'create', '--issuer', issuer, '--claim', 'project_id=20', ...options];
  const { code, stdout } = await ran(args);
  expect(code).toBe(0);
  return stdout.trim();
};

/** The environment of a job of the project, with no key. */
async function jobOf(login: string, change: Record<string, unknown> = {}): Promise<Record<string, string>> {
  const org = parseApiKey(stack.vault.adminKey)?.org;
  const claims = { ...gitlabClaims(new Date(), `${stack.vault.url}/${org}`), iss: issuer, ...change };
  const token = await signToken(key, claims);
  return { ...bare, ANIMA_URL: stack.vault.url, ANIMA_LOGIN: login, GITLAB_CI: 'true', ANIMA_ID_TOKEN: token };
}

describe('a job', () => {
  test('reads and runs with values of its login, says who it is, and has no other values', async () => {
    await stack.http('PUT', '/v1/vault/values/ci/token', {
      key: stack.vault.adminKey,
      body: { value: 'a-secret-value' },
    });
    await stack.http('PUT', '/v1/vault/values/prod/token', { key: stack.vault.adminKey, body: { value: 'x' } });
    const login = await create('--role', 'reader', '--prefix', 'ci/', '--name', 'build');
    const job = await jobOf(login);
    expect(await startProcess(['get', 'ci/token'], { env: job }).ended).toMatchObject({
      code: 0,
      stdout: 'a-secret-value',
    });
    expect((await startProcess(['get', 'prod/token'], { env: job }).ended).code).toBe(4);
    const shown = await startProcess(['whoami'], { env: job }).ended;
    expect(shown.stdout).toContain(login.split('/')[1]);
    expect(shown.stdout).toContain('ANIMA_LOGIN');
    const script = 'console.log(process.env.TOKEN.length, process.env.ANIMA_ID_TOKEN)';
    const run = ['run', '--', process.execPath, '-e', script];
    const running = { env: { ...job, TOKEN: 'anima://ci/token' } };
    expect((await startProcess(run, running).ended).stdout.trim()).toBe('14 undefined');
    const checked = await startProcess(['doctor'], { env: job }).ended;
    expect(checked.stdout).toContain(`a key of the login ${login.split('/')[1]}`);
  });

  test('with other claims, without a token, or with another login is refused, and says what to do', async () => {
    const login = await create('--role', 'reader');
    const refused = await startProcess(['list'], { env: await jobOf(login, { project_id: '21' }) }).ended;
    expect(refused).toMatchObject({ code: 4, stdout: '' });
    expect(refused.stderr).toContain('anima logins list');
    const { ANIMA_ID_TOKEN: _, ...bareJob } = await jobOf(login);
    const tokenless = await startProcess(['list'], { env: bareJob }).ended;
    expect(tokenless.code).toBe(4);
    expect(tokenless.stderr).toContain('id_tokens');
    expect((await ran(['list'], { ANIMA_KEY: '', ANIMA_LOGIN: 'odd' })).code).toBe(2);
  });

  test('of a deleted login is refused', async () => {
    const login = await create('--role', 'reader');
    const job = await jobOf(login);
    expect((await startProcess(['list'], { env: job }).ended).code).toBe(0);
    const id = login.split('/')[1] ?? '';
    expect((await ran(['logins', 'delete', id])).code).toBe(0);
    expect((await startProcess(['list'], { env: job }).ended).code).toBe(4);
    expect((await ran(['logins', 'delete', id])).code).toBe(3);
  });
});

describe('anima logins', () => {
  test('create shows audience and identity, and list shows the login', async () => {
    const args = ['logins', 'create', '--github', '74', '--claim', 'environment=prod', '--role', 'agent'];
    const { stdout, stderr } = await ran(args);
    const org = parseApiKey(stack.vault.adminKey)?.org ?? '';
    expect(stdout).toMatch(new RegExp(`^${org}/[0-9a-z]{16}\n$`));
    expect(stderr).toContain(`${stack.vault.url}/${org}`);
    const [id] = stdout.trim().split('/').slice(1);
    const listed = JSON.parse((await ran(['logins', 'list', '--json'])).stdout);
    const oidc = {
      issuer: 'https://token.actions.githubusercontent.com',
      claims: { repository_id: '74', environment: 'prod' },
    };
    expect(listed).toContainEqual(expect.objectContaining({ id, oidc }));
    expect((await ran(['logins', 'list'])).stdout).toContain('environment=prod repository_id=74');
  });

  test('create takes a role of AWS by its id', async () => {
    const args = ['logins', 'create', '--aws', '123456789012/AROACKCEVSQ6C2EXAMPLE', '--role', 'agent', '--json'];
    expect(JSON.parse((await ran(args)).stdout).aws).toEqual({
      account: '123456789012',
      roleId: 'AROACKCEVSQ6C2EXAMPLE',
    });
  });

  test.each([
    [['--github', 'octo-org/octo-repo'], 'gh api'],
    [['--gitlab', 'my-group/my-project'], 'project ID'],
    [['--aws', 'arn:aws:iam::123456789012:role/a'], 'aws iam get-role'],
    [['--github', '74', '--gitlab', '20'], 'exactly one'],
    [[], 'exactly one'],
    [['--issuer', 'https://issuer.example', '--claim', 'odd'], 'NAME=VALUE'],
  ])('create with %j says how to get the ids, and sends nothing', async (args, hint) => {
    const { code, stdout, stderr } = await ran(['logins', 'create', '--role', 'agent', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(hint);
  });

  test('keys list leaves out the keys of logins unless they are asked for', async () => {
    const login = await create('--role', 'reader');
    expect((await startProcess(['list'], { env: await jobOf(login) }).ended).code).toBe(0);
    const id = login.split('/')[1] ?? '';
    expect((await ran(['keys', 'list'])).stdout).not.toContain(id);
    expect((await ran(['keys', 'list', '--logins'])).stdout).toContain(`login ${id}`);
  });
});
