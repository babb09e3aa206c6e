/** Values in use: composed references, layers, --watch, TOTP, git, ssh-agent, scan, GitHub Actions. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { githubMaskCommands, writeGithubEnvFile } from '../../cli/secrets/github-env-format.ts';
import { concealedMarker } from '../../egress/redaction/concealed-marker.ts';
import { apiKey } from '../sdk/fake-fetch.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { startProcess } from './command-runner.ts';
import { type CliSurroundings, runAnima } from './in-process-cli.ts';

const stack = useLocalStack();
const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'anima-use-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const environment = (more: Readonly<Record<string, string>> = {}) => ({
  PATH: process.env.PATH ?? '',
  HOME: folder,
  ANIMA_KEY: stack.vault.agentKey,
  ANIMA_URL: stack.vault.url,
  ...more,
});
const anima = async (args: readonly string[], { env, ...world }: CliSurroundings = {}) =>
  await runAnima(args, { ...world, env: { ...environment(), ...env } });
const ended = async (child: ChildProcess): Promise<[number]> =>
  child.exitCode === null
    ? await new Promise((resolve) => child.once('exit', (code) => resolve([code ?? -1])))
    : [child.exitCode];
const vault = () => stack.client.vault;
/** A script that runs the command, for programs that call it by name. */
const command = join(folder, 'anima');
const password = 'p@ss/w:rd?#[x]%';

beforeAll(async () => {
  writeFileSync(
    command,
    `#!/bin/sh\nexec "${process.execPath}" --disable-warning=ExperimentalWarning "${main}" "$@"\n`,
    { mode: 0o755 },
  );
  await vault().setMany({ 'db/user': 'app-user-name', 'db/password': password });
});

describe('references within text', () => {
  const print = ['run', '--no-masking', '--', process.execPath, '-e', 'process.stdout.write(process.env.X)'];
  const shown = async (text: string) => {
    const { code, stdout } = await startProcess(print, { env: environment({ X: text }) }).ended;
    return [code, stdout];
  };

  test('are replaced in the environment and in .env files, encoded for URLs and JSON where asked', async () => {
    const url = 'postgres://{{anima://db/user}}:{{ anima://db/password | url }}@host/db';
    const [code, stdout] = await shown(url);
    expect([code, stdout]).toEqual([0, `postgres://app-user-name:${encodeURIComponent(password)}@host/db`]);
    const { username, password: parsed } = new URL(String(stdout));
    expect([username, decodeURIComponent(parsed)]).toEqual(['app-user-name', password]);
    expect(await shown('{"p":"{{anima://db/password?version=1|json}}"}')).toEqual([0, JSON.stringify({ p: password })]);
    expect(await shown('{{anima://db/user}}{{anima://db/user}}')).toEqual([0, 'app-user-nameapp-user-name']);
    expect(await shown('see anima://db/user')).toEqual([0, 'see anima://db/user']);
    expect(await shown('{{ other }} {anima://db/user}')).toEqual([0, '{{ other }} {anima://db/user}']);
    const file = join(folder, 'composed.env');
    writeFileSync(file, `X='redis://:{{anima://db/password|url}}@cache'\n`);
    const { stdout: fromFile } = await startProcess(['run', '--dotenv', file, ...print.slice(1)], {
      env: environment(),
    }).ended;
    expect(fromFile).toBe(`redis://:${encodeURIComponent(password)}@cache`);
  });

  test('are masked in the output, as they are and encoded', async () => {
    const env = environment({ X: 'postgres://{{anima://db/user}}:{{anima://db/password|url}}@host' });
    const { stdout } = await startProcess(['run', '--', 'sh', '-c', 'echo "$X"'], { env }).ended;
    expect(stdout).toBe(`postgres://${concealedMarker}:${concealedMarker}@host\n`);
  });

  test('without a value start nothing, and inject takes the same forms', async () => {
    const ran = await anima(['run', '--', 'true'], { env: { X: 'a{{anima://db/none}}b' } });
    expect(ran).toMatchObject({ code: 3, stderr: expect.stringContaining('X: ') });
    const { stdout } = await anima(['inject'], { input: 'url: {{ anima://db/password | url }}\n' });
    expect(stdout).toBe(`url: ${encodeURIComponent(password)}\n`);
    expect(await anima(['inject'], { input: '{{ anima://db/password | rot13 }}' })).toMatchObject({ code: 2 });
  });
});

describe('several folders', () => {
  test('are layered: a later one wins, in run and export', async () => {
    await vault().setMany({ 'base/LEVEL': 'base-level', 'base/ONLY': 'base-only', 'top/LEVEL': 'top-level' });
    const print = ['--', 'sh', '-c', 'echo "$LEVEL $ONLY"'];
    const layered = ['--prefix', 'base/', '--prefix', 'top/'];
    expect(
      (await startProcess(['run', '--no-masking', ...layered, ...print], { env: environment() }).ended).stdout,
    ).toBe('top-level base-only\n');
    const reversed = ['run', '--no-masking', '--prefix', 'top/', '--prefix', 'base/', ...print];
    expect((await startProcess(reversed, { env: environment() }).ended).stdout).toBe('base-level base-only\n');
    expect((await anima(['export', ...layered])).stdout).toBe('LEVEL=top-level\nONLY=base-only\n');
    expect(JSON.parse((await anima(['export', ...layered, '--format', 'json'])).stdout)).toEqual({
      LEVEL: 'top-level',
      ONLY: 'base-only',
    });
  });
});

describe('run --watch', () => {
  test('starts the command again when a value changes, and ends with the command', async () => {
    await vault().set('watch/A', 'first-value');
    const script = `console.log('A=' + process.env.A.length); process.on('SIGTERM', () => process.exit(0)); if (process.env.A === 'last') process.exit(9); setInterval(() => 0, 1000)`;
    const args = [
      'run',
      '--no-masking',
      '--watch',
      '--watch-interval',
      '1s',
      '--prefix',
      'watch/',
      '--',
      process.execPath,
      '-e',
      script,
    ];
    const { ended, until } = startProcess(args, { env: environment() });
    await until('A=11');
    await vault().set('watch/A', 'second-value');
    await until('A=12');
    await vault().set('watch/A', 'last');
    const { code, stderr } = await ended;
    expect(code).toBe(9);
    expect(stderr.match(/Values have changed/g)).toHaveLength(2);
  });
});

describe('totp', () => {
  // RFC 6238, appendix B, with 8 digits; the 6-digit codes are their last six.
  const seed = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
  test('prints the code of an otpauth URI or a base32 key, as RFC 6238 computes it', async () => {
    const { TOTP, Secret } = await import('otpauth');
    const totp = new TOTP({ secret: Secret.fromBase32(seed), digits: 8 });
    for (const [seconds, code] of [
      [59, '94287082'],
      [1111111109, '07081804'],
      [20000000000, '65353130'],
    ] as const)
      expect(totp.generate({ timestamp: seconds * 1000 })).toBe(code);
    await vault().setMany({
      'totp/uri': `otpauth://totp/GitHub:ada?secret=${seed}&digits=8&algorithm=SHA1&period=30`,
      'totp/key': `${seed.toLowerCase().slice(0, 16)} ${seed.slice(16)}\n`,
    });
    // The code changes every 30 seconds, perhaps between the two computations.
    const expected = (at: number, digits: number) => totp.generate({ timestamp: at }).slice(-digits);
    for (const [name, digits] of [
      ['totp/uri', 8],
      ['totp/key', 6],
    ] as const) {
      const before = Date.now();
      const { code, stdout } = await anima(['totp', name]);
      expect(code).toBe(0);
      expect([expected(before, digits), expected(Date.now(), digits)]).toContain(stdout.trim());
    }
    expect(JSON.parse((await anima(['totp', 'totp/uri', '--json'])).stdout)).toMatchObject({
      code: expect.stringMatching(/^\d{8}$/),
      period: 30,
    });
  });
  test.each(['not base32 hunter2!', 'otpauth://totp/hunter2', 'otpauth://hotp/x?secret=GEZDGNBV&counter=1', ''])(
    'refuses %j without quoting it',
    async (value) => {
      await vault().set('totp/odd', value);
      const ran = await anima(['totp', 'totp/odd']);
      expect(ran).toMatchObject({ code: 1, stdout: '' });
      expect(ran.stderr).not.toContain('hunter2');
    },
  );
});

describe('git-credential', () => {
  // Not spawnSync: the vault runs in this process.
  const git = async (input: string, helper: string, operation = 'fill') => {
    const settings = ['-c', 'credential.helper=', '-c', `credential.helper=!'${command}' git-credential ${helper}`];
    const child = spawn('git', [...settings, 'credential', operation], {
      env: environment({ GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1' }),
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    child.stdin.end(input);
    const stdout = await textOf(child.stdout);
    const [status] = await ended(child);
    return { status, stdout };
  };
  test('gives git the user name and the password of a host, and stores what worked if told to', async () => {
    await vault().set('git/example.com', 'ghp-token-1', { metadata: { username: 'ada' } });
    const { stdout } = await git('protocol=https\nhost=example.com\n\n', '');
    expect(stdout).toContain('username=ada\npassword=ghp-token-1\n');
    for (const input of [
      'protocol=http\nhost=example.com\n\n',
      'protocol=https\nhost=other.com\n\n',
      'protocol=https\nhost=example.com\nusername=bob\n\n',
    ])
      expect((await git(input, '')).stdout).not.toContain('ghp-token-1');
    const learned = 'protocol=https\nhost=example.org:8443\nusername=eve\npassword=ghp-token-2\n\n';
    expect((await git(learned, '', 'approve')).status).toBe(0);
    await expect(vault().get('git/example.org:8443')).rejects.toMatchObject({ code: 'value_not_found' });
    for (let i = 0; i < 2; i++) expect((await git(learned, '--store', 'approve')).status).toBe(0);
    expect(await vault().getWithInfo('git/example.org:8443')).toMatchObject({
      value: 'ghp-token-2',
      version: 1,
      metadata: { username: 'eve' },
    });
    expect((await git(learned, '--store', 'reject')).status).toBe(0);
    expect(await vault().get('git/example.org:8443')).toBe('ghp-token-2');
  });
  test('refuses a value with a line end, which would forge other fields', async () => {
    await vault().set('git/odd.com', 'x\nhost=evil.com');
    expect(await anima(['git-credential', 'get'], { input: 'protocol=https\nhost=odd.com\n' })).toMatchObject({
      code: 2,
      stdout: '',
    });
  });
});

const hasSsh = ['ssh-add', 'ssh-agent', 'ssh-keygen'].every((name) => spawnSync('which', [name]).status === 0);
describe.skipIf(!hasSsh)('ssh-add', () => {
  test('adds a key to a separate agent, which ends with the command, and never to a file', async () => {
    const path = join(folder, 'id');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'made-for-test', '-f', path]);
    await vault().set('ssh/deploy', readFileSync(path, 'utf8').replaceAll('\n', '\r\n').trimEnd());
    const print = [
      'ssh-add',
      'ssh/deploy',
      '--',
      'sh',
      '-c',
      'ssh-add -l; echo "$SSH_AUTH_SOCK"; echo "key=${ANIMA_KEY-none}"; exit 5',
    ];
    const { code, stdout } = await startProcess(print, { env: environment() }).ended;
    const [listed, socket = '', key] = stdout.split('\n');
    expect([code, key]).toEqual([5, 'key=none']);
    expect(listed).toContain('made-for-test (ED25519)');
    expect(existsSync(socket)).toBe(false);
  });
  test('says so if no agent runs, or the value is no key', async () => {
    await vault().set('ssh/odd', 'hunter2 is no key');
    expect(await anima(['ssh-add', 'ssh/odd'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('No ssh-agent is running'),
    });
    const odd = await anima(['ssh-add', 'ssh/odd', '--', 'true']);
    expect(odd).toMatchObject({ code: 1, stderr: expect.stringContaining('ssh-add did not accept the key') });
    expect(odd.stderr).not.toContain('hunter2');
  });
});

describe('scan', () => {
  test('finds values in their encodings and keys of the vault, by place and name, and prints none of them', async () => {
    const secret = 'scan-secret-Value/1';
    await vault().setMany({ 'scan/a': secret, 'scan/port': '8443' });
    const root = join(folder, 'tree');
    mkdirSync(join(root, 'src'), { recursive: true });
    mkdirSync(join(root, 'node_modules'));
    writeFileSync(join(root, 'src/a.txt'), `one\nx=${secret} ${secret}\nport 8443\n`);
    writeFileSync(
      join(root, 'src/b.bin'),
      Buffer.concat([Buffer.alloc(100_000, 10), Buffer.from(Buffer.from(secret).toString('base64'))]),
    );
    writeFileSync(join(root, 'src/key'), `export ANIMA_KEY=${apiKey}\n${apiKey.slice(0, -1)}x\n`);
    writeFileSync(join(root, 'node_modules/c'), secret);
    const { code, stdout, stderr } = await anima(['scan', root, '--prefix', 'scan']);
    expect(code).toBe(1);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => line.replace(`${root}/`, ''));
    expect(lines).toEqual([
      expect.stringMatching(/^src\/a\.txt:2 +the value scan\/a$/),
      expect.stringMatching(/^src\/b\.bin:100001 +the value scan\/a$/),
      expect.stringMatching(/^src\/key:1 +a key of the vault, fedcba9876543210$/),
    ]);
    expect(stdout + stderr).not.toMatch(/scan-secret|anm_/);
    expect(stderr).toContain('short or ordinary: 1 of 2 values');
    expect((await anima(['scan', root, '--prefix', 'scan', '--all', '--json'])).stdout).toContain('node_modules');
  });
  test('--keys-only needs no vault; nothing found is success; a path that is missing is an error', async () => {
    const root = join(folder, 'clean');
    mkdirSync(root);
    writeFileSync(join(root, 'a'), 'nothing');
    expect(await runAnima(['scan', root, '--keys-only'])).toMatchObject({ code: 0, stdout: '' });
    expect(await runAnima(['scan', join(root, 'none'), '--keys-only'])).toMatchObject({ code: 3 });
  });
  test('a value is found wherever the pieces of a large file are cut', async () => {
    const { SecretScanner } = await import('../../cli/secrets/secret-scanner.ts');
    const scanner = new SecretScanner(new Map([['v', 'needle-in-the-stack']]), () => undefined);
    const file = join(folder, 'large');
    for (const offset of [65_520, 65_530, 65_536, 131_060]) {
      writeFileSync(file, `${'x'.repeat(offset)}needle-in-the-stack${'y'.repeat(200_000)}`);
      expect(await scanner.scan(file)).toEqual([{ file, line: 1, name: 'v', keyId: undefined }]);
    }
  });
});

describe('the format of GitHub Actions', () => {
  /** What the runner reads from $GITHUB_ENV (actions/runner, `FileCommandManager`). */
  function read(text: string): Record<string, string> {
    const lines = text.split('\n');
    const found: Record<string, string> = {};
    for (let i = 0; i < lines.length - 1; i++) {
      const [, name = '', delimiter] = /^(\w+)<<(.+)$/.exec(lines[i] ?? '') ?? [];
      const end = lines.indexOf(delimiter ?? '', i + 1);
      expect(end).toBeGreaterThan(i);
      found[name] = lines.slice(i + 1, end).join('\n');
      i = end;
    }
    return found;
  }
  test('reads back exactly, also values that imitate a block', () => {
    const entries = [
      { name: 'A', value: 'x\nEOF\nNODE_OPTIONS<<EOF\n--require=/tmp/evil\nEOF' },
      { name: 'B', value: '' },
      { name: 'C', value: 'ä "q" \\ %0A\n\n' },
    ];
    expect(read(writeGithubEnvFile(entries))).toEqual(
      Object.fromEntries(entries.map(({ name, value }) => [name, value])),
    );
    for (const name of ['GITHUB_PATH', 'RUNNER_TEMP', 'CI'])
      expect(() => writeGithubEnvFile([{ name, value: 'x' }])).toThrow(name);
    expect(githubMaskCommands(['a%b\nc d\n', 'c d'])).toBe('::add-mask::a%25b\n::add-mask::c d\n');
  });
  test('is appended to the file of the runner, and masks values in its log', async () => {
    const file = join(folder, 'github_env');
    writeFileSync(file, 'OLD=1\n', { mode: 0o644 });
    await vault().setMany({ 'gh/TOKEN': 'token-of-workflow', 'gh/PORT': '8443' });
    const args = ['export', '--prefix', 'gh', '--format', 'github-env', '--append', '-o', file];
    const { code, stdout } = await anima(args, { env: { GITHUB_ACTIONS: 'true' } });
    expect([code, stdout.split('\n')[0]]).toEqual([0, '::add-mask::token-of-workflow']);
    expect(stdout).not.toContain('8443\n');
    const text = readFileSync(file, 'utf8');
    expect(text.startsWith('OLD=1\n')).toBe(true);
    expect(read(text.slice(6))).toEqual({ TOKEN: 'token-of-workflow', PORT: '8443' });
    expect(statSync(file).mode & 0o777).toBe(0o644);
    expect((await anima(args)).stdout).not.toContain('token-of-workflow');
    expect(await anima([...args, '--force'])).toMatchObject({ code: 2 });
  });
});
