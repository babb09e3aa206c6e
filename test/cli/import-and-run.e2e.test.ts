import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import dotenv from 'dotenv';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseEnvFile } from '../../cli/secrets/dotenv-format.ts';
import { concealedMarker } from '../../egress/redaction/concealed-marker.ts';
import { isMaskable } from '../../egress/redaction/encoded-forms.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { projectFolder } from '../shared/vault-process.ts';
import { type CallOptions, runInProcess, startProcess } from './command-runner.ts';

const stack = useLocalStack();
const folder = mkdtempSync(join(tmpdir(), 'anima-run-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const thirtyFile = join(projectFolder, 'test/shared/thirty.env');
const thirty = dotenv.parse(readFileSync(thirtyFile, 'utf8'));
const secret = 'correct horse/battery+staple "é"';

/** An environment with the API key and additional variables. */
const withKey = (env: Record<string, string> = {}) => ({
  PATH: process.env.PATH ?? '',
  ANIMA_KEY: stack.vault.agentKey,
  ANIMA_URL: stack.vault.url,
  ...env,
});
const anima = async (args: readonly string[], { env, ...options }: CallOptions = {}) =>
  await runInProcess(args, { ...options, env: withKey(env) });
const node = (script: string) => ['--', process.execPath, '-e', script];

beforeAll(async () => {
  await stack.client.vault.setMany({ 'app/password': secret, 'app/short': 'abc', 'app/zero': 'a\0b' });
});

describe('import, then run', () => {
  test('thirty settings arrive byte for byte; the parent’s /proc shows none of them', async () => {
    const imported = await anima(['import', thirtyFile, '--dialect', 'dotenv', '--prefix', 'thirty/']);
    expect(imported).toMatchObject({ code: 0 });
    expect(imported.stdout.match(/stored, new/g)).toHaveLength(30);
    const script =
      'process.stdout.write(JSON.stringify(process.env)); process.stderr.write("ready"); setInterval(() => 0, 1000)';
    const { child, ended } = startProcess(['run', '--prefix', 'thirty', '--no-masking', ...node(script)], {
      env: withKey(),
    });
    await new Promise((resolve) => child.stderr?.once('data', resolve));
    const shown = ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${child.pid}/${file}`, 'utf8')).join('\0');
    expect(shown).toContain('main.ts');
    expect(shown).toContain('ANIMA_URL');
    child.kill('SIGTERM');
    const { code, stdout } = await ended;
    expect(code).toBe(143);
    expect(JSON.parse(stdout)).toMatchObject(thirty);
    const telling = Object.values(thirty).filter(({ length }) => length > 4);
    expect(telling).toHaveLength(28);
    for (const value of telling) expect(shown).not.toContain(value);
  });

  test('what the command prints of them is concealed, on both streams', async () => {
    const script =
      'for (const v of Object.values(process.env)) { console.log(v); console.error(JSON.stringify(v), Buffer.from(v).toString("base64")) }';
    const { code, stdout, stderr } = await startProcess(['run', '--prefix', 'thirty', ...node(script)], {
      env: withKey(),
    }).ended;
    expect(code).toBe(0);
    const values = parseEnvFile(readFileSync(thirtyFile, 'utf8'))
      .map(({ value }) => value)
      .filter((value) => isMaskable(value) && !['production', '8443'].includes(value));
    for (const value of [...values, stack.vault.agentKey]) {
      expect(stdout).not.toContain(value);
      expect(stderr).not.toContain(JSON.stringify(value).slice(1, -1));
      expect(stderr).not.toContain(Buffer.from(value).toString('base64'));
    }
    expect(stdout.split(concealedMarker).length).toBeGreaterThan(27);
  });

  test('again, nothing changes; a dry run tells what would, by name, and stores nothing', async () => {
    expect(
      (await anima(['import', thirtyFile, '--dialect', 'dotenv', '--prefix', 'thirty/'])).stdout.match(/unchanged/g),
    ).toHaveLength(30);
    const input = 'PORT=hunter2-port\nNODE_ENV=production\nFRESH=hunter2-fresh\n';
    const { stdout, stderr } = await anima(
      ['import', '-', '--format', 'dotenv', '--prefix', 'thirty', '--dry-run', '--json'],
      { input },
    );
    expect(JSON.parse(stdout)).toEqual({
      dryRun: true,
      values: [
        { name: 'thirty/PORT', state: 'changed' },
        { name: 'thirty/NODE_ENV', state: 'same' },
        { name: 'thirty/FRESH', state: 'new' },
      ],
    });
    expect(stdout + stderr).not.toMatch(/hunter2|production/);
    expect(await stack.client.vault.get('thirty/PORT')).toBe('8443');
  });

  test('export gives back what was imported, in each format, in a file of mode 0600', async () => {
    // Programs read these two differently in a .env file, so only the other formats can hold them.
    const refused = await anima(['export', '--prefix', 'thirty', '--format', 'dotenv']);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('can’t express SHELL_SNIPPET, SQL:');
    expect(refused.stderr).toContain('--format shell');
    for (const file of ['out.json', 'out.yaml']) {
      const path = join(folder, file);
      expect(await anima(['export', '--prefix', 'thirty', '-o', path])).toMatchObject({ code: 0 });
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const prefix = `back-${file.slice(4)}/`;
      expect(await anima(['import', path, '--prefix', prefix])).toMatchObject({ code: 0 });
      const names = Object.keys(thirty).map((name) => prefix + name);
      const back = (await stack.client.vault.getMany(names)).orThrow();
      expect(Object.fromEntries(back.map(({ name, value }) => [name.slice(prefix.length), value]))).toEqual(thirty);
      expect((await anima(['export', '--prefix', 'thirty', '-o', path])).code).toBe(5);
    }
    const { SHELL_SNIPPET, SQL, ...plain } = thirty;
    await stack.client.vault.setMany(
      Object.fromEntries(Object.entries(plain).map(([name, value]) => [`plain/${name}`, value])),
    );
    const file = join(folder, 'out.env');
    expect(await anima(['export', '--prefix', 'plain', '-o', file])).toMatchObject({ code: 0 });
    expect(dotenv.parse(readFileSync(file))).toEqual(plain);
    expect((await anima(['import', file, '--prefix', 'plain'])).stdout.match(/unchanged/g)).toHaveLength(28);
    const shell = await anima(['export', '--prefix', 'thirty', '--format', 'shell']);
    const print = `${shell.stdout}exec "$0" -e 'process.stdout.write(JSON.stringify(process.env))'`;
    const env = execFileSync('sh', ['-c', print, process.execPath], { encoding: 'utf8' });
    expect(JSON.parse(env)).toMatchObject(thirty);
    expect(SHELL_SNIPPET).toContain('$(touch x)');
    expect(SQL).toContain("'O''Brien'");
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});

describe('import', () => {
  test('keeps the metadata of what it replaces, and says what could not be stored', async () => {
    await stack.client.vault.set('meta/A', 'old', { metadata: { allowed_hosts: 'api.example.com' } });
    expect((await anima(['import', '-', '--format', 'json', '--prefix', 'meta'], { input: '{"A": "new"}' })).code).toBe(
      0,
    );
    expect(await stack.client.vault.getWithInfo('meta/A')).toMatchObject({
      value: 'new',
      metadata: { allowed_hosts: 'api.example.com' },
    });
  });

  test('inherits nothing that a model chose, and says so before and after', async () => {
    const metadata = { allowed_hosts: 'evil.example.com', generated_by: 'model', metadata_by: 'model' };
    await stack.client.vault.set('squatted/A', 'generated', { metadata });
    const args = ['import', '-', '--format', 'dotenv', '--prefix', 'squatted'];
    const dropped = 'dropped allowed_hosts="evil.example.com", because a model chose it';
    expect((await anima([...args, '--dry-run'], { input: 'A=real\n' })).stdout).toContain(dropped);
    expect((await anima(args, { input: 'A=real\n' })).stdout).toContain(dropped);
    expect(await stack.client.vault.getWithInfo('squatted/A')).toMatchObject({ value: 'real', metadata: {} });
  });

  test('says where an expired value is replaced', async () => {
    const expiresAt = new Date(Date.now() + 1200);
    await stack.client.vault.set('late/A', 'old', { metadata: { allowed_hosts: 'a.example.com' }, expiresAt });
    await new Promise((resolve) => setTimeout(resolve, 1400));
    const { code, stdout } = await anima(['import', '-', '--format', 'dotenv', '--prefix', 'late'], {
      input: 'A=new\n',
    });
    expect([code, stdout]).toEqual([0, expect.stringContaining('the metadata of the expired value was not kept')]);
  });

  test('with a key that may not read stores all the same, and says that it does not know', async () => {
    const admin = stack.clientOf(stack.vault.adminKey);
    const { key } = await admin.keys.create({ role: 'agent', verbs: ['values.write'] });
    const options = { input: 'A=1\n', env: { ANIMA_KEY: key } };
    const dry = await anima(['import', '-', '--format', 'dotenv', '--prefix', 'blind', '--dry-run'], options);
    expect(dry.stdout).toContain('unknown');
    expect(await anima(['import', '-', '--format', 'dotenv', '--prefix', 'blind'], options)).toMatchObject({ code: 0 });
    expect(await stack.client.vault.get('blind/A')).toBe('1');
  });

  test.each([
    ['a name that the vault refuses', '{"a b": "hunter2"}', 'line 1'],
    ['a value that is too long', `{"a": "hunter2${'x'.repeat(70_000)}"}`, 'line 1'],
    ['a lone surrogate', '{"a": "hunter2\\ud800"}', 'line 1'],
    ['bytes that are no text', Buffer.from('{"a": "\xff"}', 'latin1'), 'UTF-8'],
  ])('of %s stores nothing and says where, not what', async (_, input, told) => {
    const { code, stdout, stderr } = await anima(['import', '-', '--format', 'json', '--prefix', 'odd'], { input });
    expect(code).toBe(2);
    expect(stderr).toContain(told);
    expect(stdout + stderr).not.toContain('hunter2');
    expect(await stack.client.vault.list({ prefix: 'odd/' }).toArray()).toEqual([]);
  });
});

describe('run', () => {
  test('resolves whole references in the environment and in files; parts of values stay', async () => {
    const file = join(folder, 'refs.env');
    writeFileSync(file, 'A=anima://app/password\nB=plain\nC="see anima://app/password"\nD=anima://app/short\n');
    const { code, stdout, stderr } = await startProcess(
      [
        'run',
        '--dotenv',
        file,
        ...node(
          'console.log(JSON.stringify([process.env.A.length, process.env.B, process.env.C, process.env.D, process.env.E]))',
        ),
      ],
      { env: withKey({ E: 'anima://app/password?version=1' }) },
    ).ended;
    expect({ code, lines: JSON.parse(stdout) }).toEqual({
      code: 0,
      lines: [secret.length, 'plain', 'see anima://app/password', 'abc', concealedMarker],
    });
    expect(stderr).toContain('Not masked in the output, because short or an ordinary word or number: D.');
  });

  test.each([
    [
      'a value that is not there',
      { X: 'anima://app/nowhere', Y: 'anima://app/password', Z: 'anima://app/nothing' },
      3,
      /X: .*Z: /,
    ],
    ['a version that is not there', { X: 'anima://app/password?version=9' }, 3, /X: /],
    ['a reference that is none', { X: 'anima://app//hunter2' }, 2, /reference of X in the environment/],
    ['a value that no environment can hold', { X: 'anima://app/zero' }, 2, /zero bytes, as in X/],
    ['a key that is not valid', { X: 'anima://app/password', ANIMA_KEY: 'anm_hunter2' }, 4, /API key/],
  ])('%s: the command is not started, the variables are named', async (_, env, expected, told) => {
    const mark = join(folder, 'started');
    const { code, stdout, stderr } = await anima(['run', '--', 'touch', mark], { env });
    expect(code).toBe(expected);
    expect(stderr).toMatch(told);
    expect(stdout + stderr).not.toMatch(/hunter2|correct horse/);
    expect(readdirSync(folder)).not.toContain('started');
  });

  test.each([
    ['NODE_OPTIONS', 'node-options', '--require=/tmp/evil.js'],
    ['LD_PRELOAD', 'LD_PRELOAD', '/tmp/evil.so'],
    ['BASH_ENV', 'bash.env', '/tmp/evil'],
    ['GIT_SSH_COMMAND', 'git/ssh_command', 'touch x'],
    ['PATH', 'path', '/tmp/evil'],
    ['ANIMA_URL', 'anima-url', 'https://evil.example'],
  ])('whoever may write values can’t set %s for the command, in run or export', async (variable, name, value) => {
    const prefix = `restricted-${name.replace(/\W/g, '')}`;
    await stack.client.vault.setMany({ [`${prefix}/${name}`]: value, [`${prefix}/token`]: 'harmless' });
    const args = ['run', '--prefix', prefix, '--no-masking'];
    const env = node(`process.stdout.write(JSON.stringify([process.env.${variable}, process.env.TOKEN]))`);
    const { code, stdout, stderr } = await startProcess([...args, ...env], { env: withKey() }).ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`${variable} (the value ${prefix}/${name})`);
    expect(stderr).toContain('The command was not started.');
    expect(stderr).toContain(`--allow-variable ${variable}`);
    expect(stderr).not.toContain(value);
    for (const format of ['dotenv', 'shell', 'docker']) {
      const exported = await anima(['export', '--prefix', prefix, '--format', format]);
      expect(exported).toMatchObject({ code: 2, stdout: '' });
      expect(exported.stderr).toMatch(
        new RegExp(`${variable} .*Nothing was written.*--allow-variable ${variable}`, 's'),
      );
    }
    const allowed = await anima(['export', '--prefix', prefix, '--format', 'shell', '--allow-variable', variable]);
    expect(allowed.stdout).toContain(`export ${variable}='${value}'\n`);
    expect((await anima(['export', '--prefix', prefix, '--format', 'json'])).code).toBe(0);
  });

  test('a restricted variable that the command line names is set; a second one is still refused', async () => {
    await stack.client.vault.setMany({ 'named/LD_BIND_NOW': '1', 'named/PYTHONPATH': '/x' });
    const args = ['run', '--prefix', 'named', '--no-masking', '--allow-variable', 'LD_BIND_NOW'];
    const print = node('process.stdout.write(process.env.LD_BIND_NOW + process.env.PYTHONPATH)');
    const refused = await startProcess([...args, ...print], { env: withKey() }).ended;
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).not.toContain('LD_BIND_NOW');
    const both = [...args, '--allow-variable', 'PYTHONPATH'];
    expect(await startProcess([...both, ...print], { env: withKey() }).ended).toMatchObject({ code: 0, stdout: '1/x' });
  });

  test('a folder or a file replaces no variable of the environment, unless told', async () => {
    await stack.client.vault.setMany({ 'over/ONE': 'stored', 'over/TWO': 'stored' });
    const file = join(folder, 'over.env');
    writeFileSync(file, 'TWO=file\nTHREE=file\nFOUR=file\n');
    const args = ['run', '--prefix', 'over', '--dotenv', file, '--no-masking'];
    const print = node("process.stdout.write(['ONE','TWO','THREE','FOUR'].map((name) => process.env[name]).join())");
    const env = withKey({ ONE: 'own', THREE: '' });
    const kept = await startProcess([...args, ...print], { env }).ended;
    expect(kept).toMatchObject({ code: 0, stdout: 'own,file,,file' });
    expect(kept.stderr).toContain('Kept as the environment has it: ONE, THREE. --override replaces such variables.');
    const replaced = await startProcess([...args, '--override', ...print], { env }).ended;
    expect(replaced).toMatchObject({ code: 0, stdout: 'stored,file,file,file', stderr: '' });
  });

  test('the command does not get the key of the vault, unless told', async () => {
    const env = withKey({ ANIMA_ADMIN_KEY: 'anm_admin', ANIMA_AGENT: 'build' });
    const print = node(
      'process.stdout.write(Object.keys(process.env).filter((name) => /^ANIMA/.test(name)).sort().join())',
    );
    const without = await startProcess(['run', '--no-masking', ...print], { env }).ended;
    expect(without).toMatchObject({ code: 0, stdout: 'ANIMA_AGENT,ANIMA_URL' });
    const withIt = await startProcess(['run', '--no-masking', '--pass-key', ...print], { env }).ended;
    expect(withIt.stdout).toBe('ANIMA_ADMIN_KEY,ANIMA_AGENT,ANIMA_KEY,ANIMA_URL');
  });

  test('two names that would be one variable are refused', async () => {
    await stack.client.vault.setMany({ 'clash/a-b': '1', 'clash/a.b': '2' });
    const { code, stderr } = await anima(['run', '--prefix', 'clash', '--', 'true']);
    expect(code).toBe(2);
    expect(stderr).toContain('clash/a-b and clash/a.b would both become the variable A_B');
  });

  test('passes on input, exit codes, and the order within a stream', async () => {
    const env = withKey({ P: 'anima://app/password' });
    const script = 'process.stdin.on("data", (d) => process.stdout.write(d)).on("end", () => process.exit(42))';
    const lines = Array.from({ length: 5000 }, (_, i) => `${i} ${i % 100 === 0 ? secret : 'x'}\n`).join('');
    const { code, stdout } = await startProcess(['run', ...node(script)], { env, input: lines }).ended;
    expect(code).toBe(42);
    expect(stdout).toBe(lines.replaceAll(secret, concealedMarker));
  });

  test.each([
    ['not found', 'no-such-command-here', 127],
    ['not executable', '/etc/passwd', 126],
  ])('a command that is %s ends with the code that shells give', async (_, command, expected) => {
    const { code, stderr } = await anima(['run', '--', command]);
    expect(code).toBe(expected);
    expect(stderr).toMatch(/^anima: The command/);
  });

  test('needs no key where there is nothing to resolve', async () => {
    expect((await runInProcess(['run', '--', 'true'], { env: { PATH: process.env.PATH ?? '' } })).code).toBe(0);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const)(
    'passes %s on once, and waits for the end',
    async (signal) => {
      const script = `let n = 0; process.on('${signal}', () => { n++; setTimeout(() => process.exit(10 + n), 30) }); setInterval(() => 0, 1000); console.log('ready')`;
      const { child, ended, until } = startProcess(['run', ...node(script)], {
        env: withKey({ P: 'anima://app/password' }),
      });
      await until('ready');
      child.kill(signal);
      expect(await ended).toMatchObject({ code: 11, stderr: '' });
    },
  );

  test('stops and goes on together with the command', async () => {
    const { child, ended, until } = startProcess(['run', '--', 'sh', '-c', 'echo pid=$$; read x; exit 9'], {
      env: withKey({ P: 'anima://app/password' }),
    });
    let printed = '';
    child.stdout?.on('data', (text: string) => {
      printed += text;
    });
    await until('\n');
    const pid = /pid=(\d+)/.exec(printed)?.[1];
    const state = (of: number | string | undefined) =>
      readFileSync(`/proc/${of}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .charAt(0);
    child.kill('SIGTSTP');
    await expect.poll(() => state(child.pid) + state(pid)).toBe('TT');
    child.kill('SIGCONT');
    await expect.poll(() => state(pid)).not.toBe('T');
    child.stdin?.end('\n');
    expect(await ended).toMatchObject({ code: 9 });
  });

  test('when nobody reads its output any more, neither it nor the command hangs', async () => {
    const { child, ended } = startProcess(
      [
        'run',
        ...node(
          'process.stdout.on("error", () => process.exit(3)); setInterval(() => console.log("x".repeat(1000)), 1)',
        ),
      ],
      {
        env: withKey({ P: 'anima://app/password' }),
      },
    );
    child.stdout?.destroy();
    expect(await ended).toMatchObject({ code: 3, stderr: '' });
  });
});

describe('read and inject', () => {
  test('read prints the value alone; on a terminal a line end follows', async () => {
    expect(await anima(['read', 'anima://app/password'])).toEqual({ code: 0, stdout: secret, stderr: '' });
    expect((await anima(['read', 'anima://app/password?version=1'], { terminal: true })).stdout).toBe(`${secret}\n`);
    expect(JSON.parse((await anima(['read', 'anima://app/password', '--json'])).stdout)).toMatchObject({
      version: 1,
      value: secret,
    });
    expect((await anima(['read', 'anima://app/nowhere'])).code).toBe(3);
    const odd = await anima(['read', 'app/hunter2']);
    expect(odd.code).toBe(2);
    expect(odd.stderr).not.toContain('hunter2');
  });

  test('inject writes a file of mode 0600 whatever the umask, and replaces one only with -f', async () => {
    const [template, out] = [join(folder, 'x.tpl'), join(folder, 'x.conf')];
    writeFileSync(template, 'p: "{{ anima://app/password }}"\nq: anima://app/short\n');
    const before = process.umask(0);
    try {
      expect((await anima(['inject', '-i', template, '-o', out])).code).toBe(0);
    } finally {
      process.umask(before);
    }
    expect(readFileSync(out, 'utf8')).toBe(`p: "${secret}"\nq: abc\n`);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    writeFileSync(out, 'mine', { mode: 0o644 });
    expect((await anima(['inject', '-i', template, '-o', out])).code).toBe(5);
    expect(readFileSync(out, 'utf8')).toBe('mine');
    writeFileSync(out, 'mine');
    expect((await anima(['inject', '-i', template, '-o', out, '-f'])).code).toBe(0);
    expect(statSync(out).mode & 0o777).toBe(0o600);
  });

  test('inject writes nothing when one reference has no value, and says where it stands', async () => {
    const out = join(folder, 'none.conf');
    const { code, stderr } = await anima(['inject', '-o', out], {
      input: 'a\n b: {{ anima://app/nowhere }} {{ anima://app/password }}',
    });
    expect(code).toBe(3);
    expect(stderr).toContain('line 2, column 5');
    expect(readdirSync(folder).join()).not.toContain('none.conf');
  });

  test('values are shown on a terminal only when asked to', async () => {
    for (const args of [['inject'], ['export', '--prefix', 'app']]) {
      expect(await anima(args, { terminal: true, input: 'anima://app/short' })).toMatchObject({ code: 2, stdout: '' });
    }
    expect(await anima(['inject', '-o', '-'], { terminal: true, input: 'anima://app/short' })).toMatchObject({
      code: 0,
      stdout: 'abc',
    });
  });
});
