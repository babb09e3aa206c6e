/** Profiles: where they are stored, who can read them, and which key and address a command uses. */
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { localPort, localUrl } from '../../contract/shared/environment-variables.ts';
import { isLocalOrg } from '../../contract/shared/local-orgs.ts';
import { defaultAddressFor } from '../../sdk/src/shared/default-address.ts';
import { apiKey as strangeKey } from '../sdk/fake-fetch.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { runAnima, temporaryHome } from './in-process-cli.ts';

const stack = useLocalStack();
const { env, folder } = temporaryHome();
const profileOf = (name: string): string => join(folder, 'anima', 'profiles', `${name}.json`);
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const whoami = async (more: Record<string, string> = {}, ...args: string[]) => {
  const { code, stdout, stderr } = await runAnima(['whoami', '--json', ...args], { env: { ...env, ...more } });
  return { code, stderr, ...(stdout === '' ? {} : JSON.parse(stdout)) };
};

let agent: { key: string; id: string };
let admin: { key: string; id: string };
beforeAll(async () => {
  const idOf = (key: string): string => key.split('_')[2] ?? '';
  agent = { key: stack.vault.agentKey, id: idOf(stack.vault.agentKey) };
  admin = { key: stack.vault.adminKey, id: idOf(stack.vault.adminKey) };
  await runAnima(['login', '--url', stack.vault.url], { env, input: `${agent.key}\n` });
  await runAnima(['login', '--url', stack.vault.url, '--profile', 'boss'], { env, input: admin.key });
});

describe('login', () => {
  test('stores address and key in a file that its owner alone may read, and says so without showing the key', async () => {
    const { code, stdout, stderr } = await runAnima(['login', '--url', `${stack.vault.url}/`, '--profile', 'seen'], {
      env,
      input: agent.key,
    });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('a file of mode 0600');
    expect(stdout + stderr).not.toContain(agent.key.slice(-49));
    expect(modeOf(profileOf('seen'))).toBe('600');
    expect(modeOf(join(folder, 'anima', 'profiles'))).toBe('700');
    expect(JSON.parse(readFileSync(profileOf('seen'), 'utf8'))).toMatchObject({ url: stack.vault.url, key: agent.key });
    // No incomplete file remains.
    expect(readdirSync(join(folder, 'anima', 'profiles')).filter((file) => !file.endsWith('.json'))).toEqual([]);
  });

  test('asks for what is not given, and does not show the key', async () => {
    const typed = [`${stack.vault.url}\n`, `${agent.key}\r`];
    const { code, stderr } = await runAnima(['login', '--profile', 'asked'], { env, typed });
    expect(code).toBe(0);
    expect(stderr).toContain(`[${localUrl}]`);
    expect(stderr).not.toContain(agent.key.slice(0, 30));
    expect((await whoami({}, '--profile', 'asked')).keyId).toBe(agent.id);
  });

  test('stores nothing for a key that is mistyped or refused, an address that is none, or a vault that is away', async () => {
    const away = 'http://127.0.0.1:9';
    const cases: [string, string, number][] = [
      [stack.vault.url, agent.key.slice(0, -1), 4],
      [stack.vault.url, strangeKey, 4],
      ['http://vault.test', agent.key, 2],
      ['not an address', agent.key, 2],
      [away, agent.key, 6],
    ];
    for (const [url, key, code] of cases) {
      const ran = await runAnima(['login', '--url', url, '--profile', 'never'], { env, input: key });
      expect(ran).toMatchObject({ code, stdout: '' });
      expect(ran.stderr).not.toContain(key.slice(-20));
    }
    expect((await whoami({}, '--profile', 'never')).code).toBe(4);
    expect(await runAnima(['login', '--profile', '../up'], { env, input: agent.key })).toMatchObject({ code: 2 });
  });

  test('takes a key that may ask nothing of the organization', async () => {
    const { key } = await stack.clientOf(admin.key).keys.create({ role: 'agent', verbs: ['values.read'] });
    const ran = await runAnima(['login', '--url', stack.vault.url, '--profile', 'narrow'], { env, input: key });
    expect(ran.code).toBe(0);
    expect(await whoami({}, '--profile', 'narrow')).toMatchObject({ code: 0, org: stack.vault.org });
  });
});

describe('whoami', () => {
  test('tells organization, key id, address and origin, and the role to keys that may read it; never the key', async () => {
    expect(await whoami()).toMatchObject({
      url: stack.vault.url,
      org: stack.vault.org,
      state: 'active',
      keyId: agent.id,
      profile: 'default',
      keyFrom: 'file',
    });
    expect(await whoami({}, '--profile', 'boss')).toMatchObject({ keyId: admin.id, role: 'admin' });
    const { stdout } = await runAnima(['whoami'], {
      env: { ...env, ANIMA_KEY: admin.key, ANIMA_URL: stack.vault.url },
    });
    expect(stdout).toMatch(/from +environment variable ANIMA_KEY/);
    expect(stdout).not.toContain(admin.key.slice(-49));
  });
});

describe('which key is used', () => {
  test('--profile goes before ANIMA_KEY, that before ANIMA_PROFILE, that before the usual profile', async () => {
    const fromEnvironment = { ANIMA_KEY: admin.key, ANIMA_URL: stack.vault.url };
    expect(await whoami(fromEnvironment, '--profile', 'default')).toMatchObject({ keyId: agent.id });
    expect(await whoami({ ...fromEnvironment, ANIMA_PROFILE: 'default' })).toMatchObject({ keyId: admin.id });
    expect(await whoami({ ANIMA_PROFILE: 'boss' })).toMatchObject({ keyId: admin.id, profile: 'boss' });
    expect(await whoami()).toMatchObject({ keyId: agent.id, profile: 'default' });
    expect(await whoami({ ANIMA_PROFILE: 'none' })).toMatchObject({ code: 4 });
  });

  test('a stored key goes to no address that the environment alone names; a flag may say so', async () => {
    expect(await whoami({ ANIMA_URL: 'https://other.test' })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nothing was sent'),
    });
    expect(await whoami({ ANIMA_URL: `${stack.vault.url}/` })).toMatchObject({ code: 0 });
    expect(await whoami({}, '--url', 'http://127.0.0.1:9')).toMatchObject({ code: 6 });
  });

  test('a key that no local vault issued is sent nowhere without an address, from the environment or at login', async () => {
    const heard: string[] = [];
    const listener = createServer((request, response) => {
      heard.push(String(request.headers.authorization));
      response.end();
    });
    // If another program has the port, the refusal below is still checked.
    listener.once('error', () => undefined).listen(localPort, '127.0.0.1');
    try {
      for (const [args, options] of [
        [['get', 'a'], { env: { ...env, ANIMA_KEY: strangeKey } }],
        [['login', '--profile', 'never'], { env, input: strangeKey }],
        [['login', '--profile', 'never'], { env, typed: ['\n', `${strangeKey}\r`] }],
      ] as const) {
        const { code, stderr } = await runAnima([...args], { ...options });
        expect(code).toBe(2);
        expect(stderr).toContain('no local vault has this organization');
        expect(stderr).not.toContain(strangeKey.slice(-49));
      }
      expect(heard).toEqual([]);
      expect((await whoami({}, '--profile', 'never')).code).toBe(4);
    } finally {
      listener.close();
    }
  });

  test('the keys of a local vault say so, and need no address', () => {
    expect(isLocalOrg(stack.vault.org)).toBe(true);
    for (const { key } of [agent, admin]) expect(defaultAddressFor(key)).toBe(localUrl);
  });

  test.each(['640', '604', '620'])(
    'a profile of mode %s, which others could read or change, is not used',
    async (mode) => {
      await runAnima(['login', '--url', stack.vault.url, '--profile', 'open'], { env, input: agent.key });
      chmodSync(profileOf('open'), Number.parseInt(mode, 8));
      expect(await whoami({}, '--profile', 'open')).toMatchObject({
        code: 4,
        stderr: expect.stringMatching(/others can read or change[\s\S]*chmod 600/),
      });
      const doctor = await runAnima(['doctor', '--profile', 'open'], { env });
      expect(doctor).toMatchObject({ code: 1, stdout: expect.stringContaining('chmod 600') });
      chmodSync(profileOf('open'), 0o600);
      expect(await whoami({}, '--profile', 'open')).toMatchObject({ code: 0 });
    },
  );

  test('a damaged profile is told of, without what stands in it', async () => {
    writeFileSync(profileOf('damaged'), `{"url":"${stack.vault.url}","key":"${agent.key}"`, { mode: 0o600 });
    const { code, stderr } = await whoami({}, '--profile', 'damaged');
    expect(code).toBe(1);
    expect(stderr).toContain('anima login --profile damaged');
    expect(stderr).not.toContain(agent.key.slice(0, 20));
  });
});

describe('logout', () => {
  test('removes profile and key; the key itself goes on working', async () => {
    await runAnima(['login', '--url', stack.vault.url, '--profile', 'gone'], { env, input: agent.key });
    expect(await runAnima(['logout', '--profile', 'gone'], { env })).toMatchObject({ code: 0 });
    expect(await whoami({}, '--profile', 'gone')).toMatchObject({ code: 4 });
    expect(await runAnima(['logout', '--profile', 'gone'], { env })).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('boss'),
    });
    expect(await whoami()).toMatchObject({ code: 0 });
  });
});

describe('doctor', () => {
  const doctor = async (more: Record<string, string>, ...args: string[]) => {
    const { code, stdout } = await runAnima(['doctor', '--json', ...args], { env: { ...env, ...more } });
    const found: { check: string; state: string; detail: string; mend?: string }[] = JSON.parse(stdout);
    return { code, found, failed: found.filter(({ state }) => state === 'fail').map(({ check }) => check) };
  };

  test('finds nothing wrong with a vault that works, and tells the rights of the key', async () => {
    const { code, found, failed } = await doctor({}, '--profile', 'boss');
    expect([code, failed]).toEqual([0, []]);
    expect(found.find(({ check }) => check === 'rights')?.detail).toBe('role admin');
    expect(found.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['files', 'keyring', 'profile', 'address', 'tls', 'clock', 'key', 'org']),
    );
  });

  test('names what fails, how to mend it, and ends with 1', async () => {
    const here = { ANIMA_URL: stack.vault.url };
    const cases: [Record<string, string>, string][] = [
      [{ ...here, ANIMA_KEY: strangeKey }, 'key'],
      [{ ...here, ANIMA_KEY: agent.key.slice(0, -1) }, 'profile'],
      [{ ANIMA_KEY: agent.key, ANIMA_URL: 'http://127.0.0.1:9' }, 'address'],
      [{ ANIMA_PROFILE: 'nobody' }, 'profile'],
      [{ ...here, ANIMA_KEY: agent.key, NODE_TLS_REJECT_UNAUTHORIZED: '0' }, 'environment'],
    ];
    for (const [more, check] of cases) {
      const { code, found, failed } = await doctor(more);
      expect(code).toBe(1);
      expect(failed).toContain(check);
      expect(found.filter(({ state }) => state === 'fail').every(({ mend }) => mend !== undefined)).toBe(true);
      expect(JSON.stringify(found)).not.toContain(agent.key.slice(-20));
    }
  });
});
