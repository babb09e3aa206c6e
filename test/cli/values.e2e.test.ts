import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { apiKey } from '../sdk/fake-fetch.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { type CliSurroundings, runAnima, temporaryHome } from './in-process-cli.ts';

const stack = useLocalStack();
const { env: bare, folder } = temporaryHome();
let env: Record<string, string>;
beforeAll(() => {
  env = { ...bare, ANIMA_URL: stack.vault.url, ANIMA_KEY: stack.vault.agentKey };
});

const ran = async (args: readonly string[], world: CliSurroundings = {}) => await runAnima(args, { env, ...world });
/** A random value that cannot occur in output by chance. */
const secret = (): string => `sk_${randomBytes(12).toString('hex')}`;

describe('set', () => {
  test('stores what comes by a pipe, less one line end, and get prints it and nothing else', async () => {
    const value = `  ${secret()}\nsecond line\n`;
    const stored = await ran(['set', 'pipe/a'], { input: `${value}\n` });
    expect(stored).toEqual({ code: 0, stdout: 'Stored pipe/a, version 1.\n', stderr: '' });
    expect(await ran(['get', 'pipe/a'])).toEqual({ code: 0, stdout: value, stderr: '' });
  });

  test('takes one line end off, \\r\\n too, and none with --keep-newline or from a file', async () => {
    await ran(['set', 'newline/crlf'], { input: 'x\r\n' });
    await ran(['set', 'newline/kept', '--keep-newline'], { input: 'x\n' });
    const file = join(folder, 'value.txt');
    writeFileSync(file, '\ufeffx\r\n\n');
    await ran(['set', 'newline/file', '--file', file]);
    expect((await ran(['get', 'newline/crlf'])).stdout).toBe('x');
    expect((await ran(['get', 'newline/kept'])).stdout).toBe('x\n');
    expect(Buffer.from((await ran(['get', 'newline/file'])).stdout)).toEqual(Buffer.from('\ufeffx\r\n\n'));
  });

  test('asks at a terminal without showing what is typed; a paste of several lines stays whole', async () => {
    const value = secret();
    const typed = await ran(['set', 'typed/a'], { typed: [`${value}wrong\u007f\u007f\u007f\u007f\u007f\r`] });
    expect(typed).toMatchObject({ code: 0, stdout: 'Stored typed/a, version 1.\n' });
    expect(typed.stderr).toContain('not shown');
    expect(typed.stderr).not.toContain(value.slice(0, 6));
    expect((await ran(['get', 'typed/a'])).stdout).toBe(value);

    await ran(['set', 'typed/pem'], { typed: ['\u001b[200~line 1\rline 2\r\u001b[201~\r'] });
    expect((await ran(['get', 'typed/pem'])).stdout).toBe('line 1\nline 2');
    const cut = await ran(['set', 'typed/cut'], { typed: ['line 1\rline 2\r'] });
    expect(cut).toMatchObject({ code: 2, stderr: expect.stringContaining('More than one line') });
    expect((await ran(['get', 'typed/cut'])).code).toBe(3);
    expect(await ran(['set', 'typed/cut'], { typed: ['abc\u0003'] })).toMatchObject({ code: 1 });
  });

  test('takes a value from an argument only when forced, with a warning', async () => {
    const value = secret();
    const refused = await ran(['set', 'argument/a', '--value', value]);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/visible.*nothing was stored[\s\S]*--unsafe-argument/);
    expect(refused.stderr).not.toContain(value);
    const forced = await ran(['set', 'argument/a', '--value', value, '--unsafe-argument']);
    expect(forced).toMatchObject({ code: 0, stderr: expect.stringContaining('may have seen it') });
    expect((await ran(['get', 'argument/a'])).stdout).toBe(value);
  });

  test('refuses what is not UTF-8, empty, or given twice, and stores nothing', async () => {
    const bytes = Buffer.from([0x73, 0xff, 0xfe]);
    expect(await ran(['set', 'bad/a'], { input: bytes })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('base64'),
    });
    expect(await ran(['set', 'bad/a'], { input: '\n' })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--allow-empty'),
    });
    const both = ['set', 'bad/a', '--value', 'x', '--file', 'y', '--unsafe-argument'];
    expect(await ran(both)).toMatchObject({ code: 2 });
    expect(await ran(['set', 'bad/a', '--file', join(folder, 'missing')])).toMatchObject({ code: 3 });
    expect((await ran(['get', 'bad/a'])).code).toBe(3);
    expect((await ran(['set', 'bad/empty', '--allow-empty'])).code).toBe(0);
    expect(await ran(['get', 'bad/empty', '--json'])).toMatchObject({ stdout: expect.stringContaining('"value":""') });
  });

  test('carries metadata, an expiry, and compare-and-set', async () => {
    const args = ['set', 'facts/a', '--metadata', 'owner=web=1', '--metadata', 'env=', '--expires-in', '7d'];
    await ran([...args, '--cas', '0'], { input: 'one' });
    const { version, metadata, expiresAt } = JSON.parse((await ran(['get', 'facts/a', '--json'])).stdout);
    expect({ version, metadata }).toEqual({ version: 1, metadata: { owner: 'web=1', env: '' } });
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(6.9 * 86_400_000);
    const conflict = await ran(['set', 'facts/a', '--cas', '0'], { input: 'two' });
    expect(conflict).toMatchObject({ code: 5, stderr: expect.stringContaining('versions NAME') });
    expect((await ran(['get', 'facts/a'])).stdout).toBe('one');
    for (const wrong of [
      ['--cas', 'x'],
      ['--expires-in', '7'],
      ['--metadata', '=x'],
      ['--metadata', 'x'],
    ]) {
      expect(await ran(['set', 'facts/a', ...wrong], { input: 'x' })).toMatchObject({ code: 2 });
    }
  });
});

describe('metadata', () => {
  const byModel = { generated_by: 'model', metadata_by: 'model' };
  const metadataOf = async (name: string) => (await stack.client.vault.getWithInfo(name)).metadata;

  test('stays with the name when a value is set; what is kept, changed, added and dropped is printed', async () => {
    await ran(['set', 'rules/a', '--metadata', 'allowed_hosts=a.example.com', '--metadata', 'owner=web'], {
      input: '1',
    });
    const second = await ran(['set', 'rules/a', '--metadata', 'owner=ops', '--metadata', 'env=x'], { input: '2' });
    expect(second.stdout.split('\n')).toEqual([
      'Stored rules/a, version 2.',
      'kept allowed_hosts="a.example.com"',
      'changed owner="web" to "ops"',
      'added env="x"',
      '',
    ]);
    expect(await metadataOf('rules/a')).toEqual({ allowed_hosts: 'a.example.com', owner: 'ops', env: 'x' });
    const third = await ran(['set', 'rules/a', '--drop-metadata'], { input: '3' });
    expect(third.stdout).toContain('dropped allowed_hosts="a.example.com"');
    expect(await metadataOf('rules/a')).toEqual({});
  });

  test('that a model chose is not inherited by a value that a person sets', async () => {
    const metadata = { allowed_hosts: 'evil.example.com', allowed_in: 'body', note: 'x\u001b[2J', ...byModel };
    await stack.client.vault.set('rules/squatted', 'generated', { metadata });
    const { stdout } = await ran(['set', 'rules/squatted'], { input: 'the real secret' });
    expect(stdout).toContain('dropped allowed_hosts="evil.example.com", because a model chose it');
    expect(stdout).not.toContain('\u001b');
    expect(await metadataOf('rules/squatted')).toEqual({});
  });

  test('of an expired value is not kept, and this is printed', async () => {
    const metadata = { allowed_hosts: 'a.example.com' };
    await stack.client.vault.set('rules/expired', 'x', { metadata, expiresAt: new Date(Date.now() + 1200) });
    await new Promise((resolve) => setTimeout(resolve, 1400));
    const { stdout } = await ran(['set', 'rules/expired'], { input: 'y' });
    expect(stdout).toContain('had expired; nothing of its metadata was kept');
    expect(await metadataOf('rules/expired')).toEqual({});
  });

  test('that a key may not list is not kept, and this is printed', async () => {
    await stack.client.vault.set('rules/unlisted', 'x', { metadata: { allowed_hosts: 'a.example.com' } });
    const admin = stack.clientOf(stack.vault.adminKey);
    const { key } = await admin.keys.create({ role: 'agent', verbs: ['values.write'] });
    const { code, stdout } = await ran(['set', 'rules/unlisted'], { input: 'y', env: { ...env, ANIMA_KEY: key } });
    expect(code).toBe(0);
    expect(stdout).toContain('nothing of the earlier metadata was kept');
  });

  test.each([
    ['allowed_hosts=*.co.uk', 'entry 1 of allowed_hosts'],
    ['allowed_methods=TRACE', 'entry 1 of allowed_methods'],
    ['metadata_by=model', 'is reserved'],
  ])('%s is refused before anything is stored', async (pair, message) => {
    const refused = await ran(['set', 'rules/refused', '--metadata', pair], { input: 'x' });
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
    expect((await ran(['get', 'rules/refused'])).code).toBe(3);
  });

  test('is shown and changed by info without the value, its expiry or another writer suffering', async () => {
    const value = secret();
    const expiresAt = new Date(Date.now() + 86_400_000);
    await stack.client.vault.set('rules/info', value, { metadata: { allowed_hosts: 'a.example.com' }, expiresAt });
    const options = ['--allow-host', 'B.example.com', '--deny-host', 'a.example.com', '--description', 'billing'];
    const changed = await ran(['info', 'rules/info', ...options]);
    expect(changed.stdout).toContain('changed allowed_hosts="a.example.com" to "b.example.com"');
    const after = await stack.client.vault.getWithInfo('rules/info');
    expect(after).toMatchObject({ value, version: 2, expiresAt: expiresAt.toISOString() });
    expect(after.metadata).toEqual({ allowed_hosts: 'b.example.com', description: 'billing' });
    const shown = await ran(['info', 'rules/info']);
    expect(shown.stdout).toMatch(/allowed_hosts +b\.example\.com/);
    expect(shown.stdout + changed.stdout).not.toContain(value);
    for (const wrong of [
      ['--allow-host', '*.github.io'],
      ['--deny-host', 'c.example.com'],
      ['--remove-metadata', 'missing'],
      ['--metadata', 'generated_by=me'],
      ['--description', 'billing'],
    ]) {
      expect(await ran(['info', 'rules/info', ...wrong])).toMatchObject({ code: 2 });
    }
    expect(await ran(['info', 'rules/missing'])).toMatchObject({ code: 3 });
    expect((await stack.client.vault.versions('rules/info'))[0]?.version).toBe(2);
  });

  test('of rules that a model chose is replaced by info as a whole, and confirmed by no other change', async () => {
    const metadata = { allowed_hosts: 'evil.example.com', allowed_in: 'body', ...byModel };
    await stack.client.vault.set('rules/model', 'generated', { metadata });
    await ran(['info', 'rules/model', '--description', 'mine']);
    expect(await metadataOf('rules/model')).toEqual({ ...metadata, description: 'mine' });
    expect((await ran(['info', 'rules/model'])).stdout).toMatch(/metadata +chosen by a model/);
    const { stdout } = await ran(['info', 'rules/model', '--allow-host', 'good.example.com']);
    expect(stdout).toContain('dropped allowed_in="body", because a model chose it');
    expect(await metadataOf('rules/model')).toEqual({
      allowed_hosts: 'good.example.com',
      description: 'mine',
      generated_by: 'model',
    });
  });
});

describe('get, list, versions and delete', () => {
  beforeAll(async () => {
    for (const value of ['first', 'second']) await ran(['set', 'shelf/a/b'], { input: value });
    await ran(['set', 'shelf/a'], { input: 'x', env });
    await ran(['set', 'shelf/c', '--metadata', 'note=\u001b[2Jhidden\u202e'], { input: 'x' });
  });

  test('get adds a line end on a terminal alone, unless told not to, and reads any version', async () => {
    expect((await ran(['get', 'shelf/a/b'], { terminal: true })).stdout).toBe('second\n');
    expect((await ran(['get', 'shelf/a/b', '--no-newline'], { terminal: true })).stdout).toBe('second');
    expect((await ran(['get', 'shelf/a/b', '--version', '1'])).stdout).toBe('first');
    expect(await ran(['get', 'shelf/a/b', '--version', '9'])).toMatchObject({ code: 3, stdout: '' });
    expect(await ran(['get', 'shelf/a/b', '--version', '0'])).toMatchObject({ code: 2, stdout: '' });
  });

  test('list gives names a line in pipes, a table on terminals, a tree or JSON when asked', async () => {
    expect((await ran(['list', 'shelf/'])).stdout).toBe('shelf/a\nshelf/a/b\nshelf/c\n');
    const table = (await ran(['list', 'shelf/'], { terminal: true, env: { ...env, NO_COLOR: '1' } })).stdout;
    expect(table).toMatch(/^NAME +VERSION +STORED \(UTC\) +EXPIRES +METADATA\nshelf\/a +1 /);
    // Text stored by others must not control the terminal.
    expect(table).toContain('note=\\u001b[2Jhidden\\u202e');
    expect((await ran(['list', 'shelf/', '--tree'])).stdout).toBe(
      '└─ shelf/\n   ├─ a\n   ├─ a/\n   │  └─ b\n   └─ c\n',
    );
    const json = JSON.parse((await ran(['list', 'shelf/', '--json'])).stdout);
    expect(json.map(({ name, version }: { name: string; version: number }) => [name, version])).toEqual([
      ['shelf/a', 1],
      ['shelf/a/b', 2],
      ['shelf/c', 1],
    ]);
    expect(await ran(['list', 'nothing/'])).toEqual({ code: 0, stdout: '', stderr: 'No values match.\n' });
    expect(await ran(['list', 'nothing/', '--quiet'])).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('colours stand on terminals alone, and not with NO_COLOR or --no-color', async () => {
    const control = '\u001b[';
    expect((await ran(['list', 'shelf/a'], { terminal: true })).stdout).toContain(control);
    expect((await ran(['list', 'shelf/a', '--no-color'], { terminal: true })).stdout).not.toContain(control);
    expect((await ran(['list', 'shelf/a'], { terminal: true, env: { ...env, NO_COLOR: '1' } })).stdout).not.toContain(
      escape,
    );
    expect((await ran(['list', 'shelf/a'])).stdout).not.toContain(control);
  });

  test('versions are listed newest first', async () => {
    expect((await ran(['versions', 'shelf/a/b'])).stdout).toMatch(/^2 {2}[\d: -]+ {2}-\n1 {2}[\d: -]+ {2}-\n$/);
    expect(await ran(['versions', 'shelf/none'])).toMatchObject({ code: 3, stdout: '' });
  });

  test('delete asks at a terminal, deletes only the version that was meant, and says when nothing was there', async () => {
    await ran(['set', 'gone/a'], { input: 'x' });
    expect(await ran(['delete', 'gone/a'], { typed: ['gone/b\n'] })).toMatchObject({ code: 1 });
    expect(await ran(['delete', 'gone/a', '--cas', '2'])).toMatchObject({ code: 5 });
    expect((await ran(['get', 'gone/a'])).stdout).toBe('x');
    expect(await ran(['delete', 'gone/a'], { typed: ['gone/a\n'] })).toMatchObject({ code: 0 });
    expect(await ran(['delete', 'gone/a', '--yes'])).toMatchObject({ code: 3 });
  });
});

describe('errors', () => {
  test('tell what happened and what to do, with --json as one object, and never on standard output', async () => {
    const { code, stdout, stderr } = await ran(['get', 'no/such', '--json']);
    expect([code, stdout]).toEqual([3, '']);
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: 'value_not_found',
        exit: 3,
        message: 'There is no value with that name',
        next: expect.stringContaining('anima list'),
        requestId: expect.stringMatching(/^\S+$/),
      },
    });
  });

  test('repeat no argument that may be a secret in the wrong place', async () => {
    const value = secret();
    const wrong = [
      [value],
      ['get', 'a', value],
      ['get', `--${value}`],
      ['get', `--version=${value}`, 'a'],
      ['set', 'a', `--${value}=x`],
      ['set', `a b ${value}`],
      ['get', `${value} with spaces`],
      ['keys', 'revoke', value],
      ['keys', 'create', '--role', value],
      ['--profile', `${value}!`, 'whoami'],
      ['--url', `https://user:${value}@vault.test`, 'whoami'],
      ['shred', '--yes', '--org', value],
      ['completion', value],
    ];
    for (const args of wrong) {
      for (const more of [[], ['--json']]) {
        const { code, stdout, stderr } = await ran([...args, ...more], { input: 'x' });
        expect([code > 0, stdout], args[0]).toEqual([true, '']);
        expect(stderr.length).toBeGreaterThan(10);
        expect(stderr).not.toContain(value);
      }
    }
  });

  test('end with the documented code: no key, a strange key, no vault, no right, no command', async () => {
    expect(await runAnima(['get', 'a'], { env: bare })).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('anima login'),
    });
    expect(await ran(['get', 'a'], { env: { ...env, ANIMA_KEY: apiKey } })).toMatchObject({ code: 4 });
    expect(await ran(['get', 'a'], { env: { ...env, ANIMA_KEY: 'anm_short' } })).toMatchObject({ code: 4 });
    expect(await ran(['rotate'])).toMatchObject({ code: 4 });
    expect(await ran(['--url', 'http://vault.test', 'get', 'a'])).toMatchObject({ code: 2 });
    expect(await ran(['gte', 'a'])).toMatchObject({ code: 2, stderr: expect.stringContaining('Did you mean get?') });
    expect(await ran([])).toMatchObject({ code: 2 });
    expect(await ran(['keys'])).toMatchObject({ code: 2 });
    expect(await ran(['get', '--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('Examples:') });
  });

  test('each call says in the audit that it came from the command, or what the environment says', async () => {
    await ran(['get', 'audited/default']);
    await ran(['get', 'audited/named'], { env: { ...env, ANIMA_AGENT: 'crawler', ANIMA_RUN: 'run-7' } });
    const admin = stack.clientOf(stack.vault.adminKey);
    const records = await admin.audit.query({ name: 'audited/' }).toArray();
    expect(records.map(({ agent, run }) => [agent, run])).toEqual([
      ['anima-cli', undefined],
      ['crawler', 'run-7'],
    ]);
  });
});
