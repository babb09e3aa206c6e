/** Commands of admins and operators: keys, rotation, receipts, audit, organizations, and finally shredding. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jwk, makeExport } from '../audit/export-fixtures.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { type CliSurroundings, runAnima, temporaryHome } from './in-process-cli.ts';

const stack = useLocalStack({ timeScale: 0.02 });
const { env: bare, folder } = temporaryHome();
let env: Record<string, string>;
const file = (name: string): string => join(folder, name);
const ran = async (args: readonly string[], world: CliSurroundings = {}) => await runAnima(args, { env, ...world });
const jwks = file('jwks.json');

beforeAll(async () => {
  env = { ...bare, ANIMA_URL: stack.vault.url, ANIMA_KEY: stack.vault.adminKey };
  writeFileSync(jwks, (await ran(['receipt', 'keys'])).stdout);
});

describe('keys', () => {
  test('create prints the key by itself, so that a shell can take it, and it has the rights that were asked for', async () => {
    const args = ['keys', 'create', '--role', 'reader', '--prefix', 'prod/', '--verb', 'values.read', '--name', 'ci'];
    const { code, stdout, stderr } = await ran([...args, '--expires-in', '1d']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^anm_\w+\n$/);
    expect(stderr).toMatch(/role +reader\nnames +prod\/\nverbs +values\.read/);
    expect(stderr).not.toContain(stdout.trim().slice(-49));
    await ran(['set', 'prod/x'], { input: 'x' });
    const narrow = { env: { ...env, ANIMA_KEY: stdout.trim() } };
    expect((await ran(['get', 'prod/x'], narrow)).stdout).toBe('x');
    expect((await ran(['get', 'other/x'], narrow)).code).toBe(4);
    expect((await ran(['set', 'prod/x'], { ...narrow, input: 'y' })).code).toBe(4);
    expect(await ran(['keys', 'create', '--role', 'boss'])).toMatchObject({ code: 2, stdout: '' });
    expect(await ran(['keys', 'create'])).toMatchObject({ code: 2, stdout: '' });
  });

  test('list never shows a secret; rotate gives a new key and lets the old one end; revoke ends one at once', async () => {
    const made = JSON.parse((await ran(['keys', 'create', '--role', 'agent', '--json'])).stdout);
    const rotated = JSON.parse((await ran(['keys', 'rotate', made.id, '--overlap', '1h', '--json'])).stdout);
    expect(rotated.replaced.id).toBe(made.id);
    const list = await ran(['keys', 'list', '--json']);
    expect(list.stdout).not.toMatch(/anm_/);
    const stateOf = (id: string) => JSON.parse(list.stdout).find((key: { id: string }) => key.id === id);
    expect(stateOf(made.id).expiresAt).toBeDefined();
    expect(await ran(['keys', 'revoke', rotated.replacement.id], { typed: ['no\n'] })).toMatchObject({ code: 1 });
    const renewed = { env: { ...env, ANIMA_KEY: rotated.replacement.key } };
    expect((await ran(['org'], renewed)).code).toBe(0);
    expect(await ran(['keys', 'revoke', rotated.replacement.id])).toMatchObject({ code: 0 });
    expect((await ran(['org'], renewed)).code).toBe(4);
    expect(await ran(['keys', 'revoke', made.key])).toMatchObject({ code: 2 });
    expect(await ran(['keys', 'rotate', '0123456789abcdef'])).toMatchObject({ code: 3 });
  });
});

describe('rotate', () => {
  test('waits for the end, tells steps on standard error, and values stay readable', async () => {
    const { code, stdout, stderr } = await ran(['rotate']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Rotation 1 is done in .*stored versions re-encrypted under key version 2/);
    // Which steps are printed depends on the load of the machine.
    expect(stderr).toContain('re-encrypt');
    expect((await ran(['get', 'prod/x'])).stdout).toBe('x');
    expect(JSON.parse((await ran(['rotate', 'status', '--json'])).stdout)).toMatchObject({
      id: 1,
      state: 'done',
      to: 2,
    });
    expect(JSON.parse((await ran(['rotate', '--no-wait', '--json'])).stdout)).toMatchObject({ id: 2 });
  });
});

describe('receipts', () => {
  test('destroy gives one that verifies offline and is told in plain words; one that was altered does not', async () => {
    await ran(['set', 'customers/1'], { input: 'x' });
    expect(await ran(['destroy', 'customers/1'])).toMatchObject({ code: 2, stdout: '' });
    expect((await ran(['get', 'customers/1'])).code).toBe(0);
    const receipt = file('destroyed.jws');
    expect(await ran(['destroy', 'customers/1', '--yes', '--receipt', receipt])).toMatchObject({ code: 0, stdout: '' });
    expect((await ran(['get', 'customers/1'])).code).toBe(3);

    const offline = ['--jwks', jwks, '--url', 'http://127.0.0.1:9'];
    const told = await ran(['receipt', 'verify', receipt, ...offline, '--expect-org', stack.vault.org]);
    expect(told).toMatchObject({ code: 0, stderr: '' });
    expect(told.stdout).toMatch(/The signature is valid[\s\S]*customers\/1[\s\S]*Limits of this statement/);
    for (const expectation of [
      ['--expect-org', '0123456789abcdef'],
      ['--expect-name', 'customers/2'],
    ]) {
      expect(await ran(['receipt', 'verify', receipt, ...offline, ...expectation])).toMatchObject({
        code: 1,
        stdout: '',
      });
    }
    const jws = readFileSync(receipt, 'utf8').trim();
    const [header = '', payload = '', signature = ''] = jws.split('.');
    const altered = Buffer.from(Buffer.from(payload, 'base64url').toString().replace('customers/1', 'customers/2'));
    const forged = [header, altered.toString('base64url'), signature].join('.');
    for (const input of [forged, jws.slice(0, -4), `${jws}\n${forged}`, 'x', '']) {
      const { code, stdout } = await ran(['receipt', 'verify', '-', ...offline], { input });
      expect([code > 0, stdout]).toEqual([true, '']);
    }
  });

  test('public keys are asked of the vault alone, and what is no JWK set verifies nothing', async () => {
    const elsewhere = [
      'receipt',
      'verify',
      file('destroyed.jws'),
      '--jwks',
      'https://vault.test/.well-known/jwks.json',
    ];
    expect(await ran(elsewhere)).toMatchObject({ code: 2, stderr: expect.stringContaining('nothing was fetched') });
    const here = ['receipt', 'verify', file('destroyed.jws')];
    expect(await ran(here)).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('only what its address proves'),
    });
    writeFileSync(file('empty.json'), '{"keys":[]}');
    expect(await ran([...here, '--jwks', file('empty.json')])).toMatchObject({ code: 2, stdout: '' });
  });

  test('a receipt that is given only once has its file before anything is destroyed', async () => {
    await ran(['set', 'customers/3'], { input: 'x' });
    writeFileSync(file('taken.jws'), 'another');
    expect(await ran(['destroy', 'customers/3', '--yes', '--receipt', file('taken.jws')])).toMatchObject({ code: 5 });
    expect(readFileSync(file('taken.jws'), 'utf8')).toBe('another');
    expect(await ran(['destroy', 'customers/3', '--yes', '--receipt', file('no/folder.jws')])).toMatchObject({
      code: 1,
    });
    expect((await ran(['get', 'customers/3'])).stdout).toBe('x');
    expect(await ran(['destroy', 'customers/none', '--yes', '--receipt', file('none.jws')])).toMatchObject({ code: 3 });
    expect(existsSync(file('none.jws'))).toBe(false);
  });
});

describe('audit', () => {
  test('query and tail show who did what, filtered; tail leaves its own looks out', async () => {
    await ran(['get', 'prod/x'], { env: { ...env, ANIMA_AGENT: 'crawler' } });
    const lines = (await ran(['audit', 'query', '--name', 'prod/', '--verb', 'values.read', '--json'])).stdout;
    const records = lines
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records.at(-1)).toMatchObject({ name: 'prod/x', verb: 'values.read', result: 'ok', agent: 'crawler' });
    expect(records.some(({ result }) => result !== 'ok')).toBe(false);
    expect((await ran(['audit', 'query', '--from', '1h', '--to', '30m'])).stdout).toBe('');
    const tail = async (lines: string) =>
      (await ran(['audit', 'tail', '-n', lines], { env: { ...env, ANIMA_RUN: 'tail-1' } })).stdout.trim().split('\n');
    const last = await tail('3');
    expect(last).toHaveLength(3);
    expect(await tail('1')).toEqual(last.slice(-1));
    expect(await ran(['audit', 'query', '--from', 'yesterday'])).toMatchObject({ code: 2, stdout: '' });
  });

  test('tail -f goes on with what comes, each record once', async () => {
    const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
    const child = spawn(process.execPath, [main, 'audit', 'tail', '-f', '-n', '0', '--interval', '1s', '--json'], {
      env,
    });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    const seen = (name: string): number => text.split(`"name":"${name}"`).length - 1;
    try {
      for (const name of ['tail/a', 'tail/b']) {
        // The command may start to poll only after the first records.
        await expect
          .poll(async () => seen(name) > 0 || (await ran(['get', name])).code === 0, { interval: 300, timeout: 30_000 })
          .toBe(true);
      }
      expect(seen('tail/b')).toBeGreaterThan(0);
      const ids = text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).id);
      expect(new Set(ids).size).toBe(ids.length);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('an export is written to a new file, and verifies with the kept keys alone', async () => {
    const path = file('audit.jsonl');
    expect((await ran(['audit', 'export', '--output', path])).code).toBe(0);
    const offline = ['--jwks', jwks, '--url', 'http://127.0.0.1:9'];
    const held = await ran(['audit', 'verify', path, ...offline]);
    expect(held.stderr).toContain('No earlier head');
    expect(held).toMatchObject({ code: 0, stdout: expect.stringContaining('The export is valid.') });
    expect(held.stdout).toContain(stack.vault.org);
    const cut = ['audit', 'verify', path, ...offline, '--until', new Date(Date.now() + 60_000).toISOString()];
    expect(await ran(cut)).toMatchObject({ code: 1, stdout: expect.stringContaining('cut: ') });
    const expected = ['audit', 'verify', path, ...offline, '--expect-org'];
    expect(await ran([...expected, stack.vault.org])).toMatchObject({ code: 0, stderr: '' });
    expect(await ran([...expected, 'zzzzzzzzzzzzzzzz'])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('wrong_org'),
    });
    expect(await ran(['audit', 'verify', file('missing'), ...offline])).toMatchObject({ code: 3, stdout: '' });
    expect(await ran(['audit', 'export', '--output', path])).toMatchObject({ code: 5 });
  });

  test('an export without one of its records does not verify, nor with the keys of another deployment', async () => {
    const lines = makeExport(2, 3).flatMap(({ records, seal }) =>
      [...records, { seal }].map((line) => JSON.stringify(line)),
    );
    writeFileSync(file('made.json'), JSON.stringify({ keys: [jwk] }));
    const verify = async (changed: readonly string[], keys: string) =>
      await ran(['audit', 'verify', '-', '--jwks', keys, '--state', file('heads.json')], { input: changed.join('\n') });
    expect(await verify(lines, file('made.json'))).toMatchObject({ code: 0 });
    expect(await verify(lines.toSpliced(1, 1), file('made.json'))).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('record_removed'),
    });
    expect(await verify(lines, jwks)).toMatchObject({ code: 1, stdout: expect.stringContaining('seal_invalid') });
    const shorter = await verify(lines.slice(0, 4), file('made.json'));
    expect(shorter).toMatchObject({ code: 1, stdout: expect.stringContaining('cut: the export ends with seal 1') });
    writeFileSync(file('heads.json'), '{}');
    expect(await verify(lines, file('made.json'))).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('nothing was verified'),
    });
  });
});

describe('org create', () => {
  const names = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_PROFILE'] as const;
  const before = names.map((name) => [name, process.env[name]] as const);
  afterAll(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  test('makes an organization as the operator, and prints its first admin key once, by itself', async () => {
    const { accessKeyId, secretAccessKey, region } = stack.vault.operator;
    // The AWS credential chain reads the environment of this process.
    for (const name of names) delete process.env[name];
    process.env.AWS_ACCESS_KEY_ID = accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = secretAccessKey;
    const at = { env: { ...bare, ANIMA_URL: stack.vault.url, AWS_REGION: region } };
    const { code, stdout, stderr } = await ran(['org', 'create'], at);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^anm_\w+\n$/)]);
    expect(stderr).not.toContain(stdout.trim());
    const shown = await ran(['org', '--json'], { env: { ...env, ANIMA_KEY: stdout.trim() } });
    expect(JSON.parse(shown.stdout)).toMatchObject({ state: 'active', activeVersion: 0 });
    expect(JSON.parse(shown.stdout).org).not.toBe(stack.vault.org);

    expect(await ran(['org', 'create'], { env: { ...bare, ANIMA_URL: stack.vault.url } })).toMatchObject({ code: 2 });
    process.env.AWS_SECRET_ACCESS_KEY = 'wrong';
    const refused = await ran(['org', 'create'], at);
    expect(refused).toMatchObject({ code: 4, stdout: '', stderr: expect.stringContaining('No organization was made') });
  });
});

describe('shred', () => {
  const org = () => stack.vault.org;

  test('does nothing unless the organization was named: typed, or --org with --yes', async () => {
    expect(await ran(['shred'])).toMatchObject({ code: 2 });
    expect(await ran(['shred', '--yes'])).toMatchObject({ code: 2 });
    expect(await ran(['shred', '--yes', '--org', '0123456789abcdef'])).toMatchObject({ code: 2 });
    expect(await ran(['shred', '--org', org()])).toMatchObject({ code: 2 });
    const wrong = await ran(['shred'], { typed: ['yes\n'] });
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('irreversibly and for everyone') });
    expect((await ran(['get', 'prod/x'])).stdout).toBe('x');
  });

  test('locks for the days of waiting, and cancel unlocks', async () => {
    expect(await ran(['shred', '--wait-days', '7'], { typed: [`${org()}\n`] })).toMatchObject({ code: 0 });
    expect(await ran(['get', 'prod/x'])).toMatchObject({ code: 5, stderr: expect.stringContaining('shred cancel') });
    expect(JSON.parse((await ran(['shred', 'status', '--json'])).stdout)).toMatchObject({ state: 'locked' });
    expect(await ran(['shred', 'cancel'])).toMatchObject({ code: 0 });
    expect((await ran(['get', 'prod/x'])).stdout).toBe('x');
    expect(await ran(['shred', 'cancel'])).toMatchObject({ code: 5 });
  });

  test('destroys all values at once, with a receipt that verifies; status gives the same again', async () => {
    const receipt = file('shredded.jws');
    expect(await ran(['shred', '--yes', '--org', org(), '--receipt', receipt])).toMatchObject({ code: 0, stdout: '' });
    expect(await ran(['get', 'prod/x'])).toMatchObject({ code: 5, stdout: '' });
    const told = await ran(['receipt', 'verify', receipt, '--jwks', jwks, '--expect-org', org()]);
    expect(told).toMatchObject({ code: 0, stdout: expect.stringMatching(/beyond recovery +yes, since/) });
    expect((await ran(['shred', 'status'])).stdout).toBe(readFileSync(receipt, 'utf8'));
    const notAShred = ['receipt', 'verify', receipt, '--jwks', jwks, '--expect-name', 'prod/x'];
    expect(await ran(notAShred)).toMatchObject({ code: 1 });
  });
});
