/** Commands that manage values: generate, edit, search, tags, diff, rollback, cp, mv. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CharacterSet, generatePassword } from '../../cli/secrets/password-generator.ts';
import { answerRequest } from '../secret-requests/answer-request.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { type CliSurroundings, runAnima } from './in-process-cli.ts';

const stack = useLocalStack();
const folder = mkdtempSync(join(tmpdir(), 'anima-values-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const anima = async (args: readonly string[], { env, ...world }: CliSurroundings = {}) =>
  await runAnima(args, {
    ...world,
    env: { PATH: process.env.PATH ?? '', ANIMA_KEY: stack.vault.agentKey, ANIMA_URL: stack.vault.url, ...env },
  });
const vault = () => stack.client.vault;

describe('request', () => {
  test('prints the link, waits until a person has answered, and shows no secret', async () => {
    let answered: Promise<void> | undefined;
    const { code, stdout, stderr } = await anima(['request', 'asked/a', '--why', 'to test'], {
      onOutput: (shown) => {
        const [url] = /^https?:\S+/.exec(shown) ?? [];
        if (url !== undefined) answered ??= answerRequest(stack.vault.url, url, { value: 'typed by a person' });
      },
    });
    await answered;
    expect([code, stderr]).toEqual([0, expect.stringContaining('It works once, until')]);
    expect(stdout).toMatch(/\nStored asked\/a\.\n$/);
    expect(stdout + stderr).not.toContain('typed by a person');
    expect(await vault().get('asked/a')).toBe('typed by a person');
    expect(await anima(['request', 'asked/a', '--why', 'again'])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('A value with that name exists'),
    });
  });

  test('does not wait with --no-wait, shows the state, cancels, and reports a denial', async () => {
    const made = await anima(['request', 'asked/b', '--why', 'to test', '--expires-in', '2h', '--no-wait', '--json']);
    const { id, expiresAt } = JSON.parse(made.stdout);
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(7_000_000);
    expect((await anima(['request', '--status', id])).stdout).toBe('asked/b: asked.\n');
    expect((await anima(['request', '--cancel', id])).stdout).toBe('asked/b: cancelled.\n');
    const waiting = anima(['request', 'asked/c', '--why', 'to test', '--json'], {
      onOutput: (shown) => void stack.client.vault.findRequest(JSON.parse(shown).id).then((one) => one.cancel()),
    });
    expect(await waiting).toMatchObject({ code: 4, stderr: expect.stringContaining('denied or cancelled') });
  });

  test.each([
    [['asked/d']],
    [['--why', 'x']],
    [['asked/d', '--why', 'x'.repeat(201)]],
    [['asked/d', '--why', 'x', '--expires-in', '25h']],
    [['--status', 'odd']],
    [['asked/d', '--status', '0123456789abcdef']],
  ])('refuses %j', async (args) => {
    expect(await anima(['request', ...args])).toMatchObject({ code: 2, stdout: '' });
  });
});

test('tripwire create stores a made-up credential under a free name, and shows it only if told to', async () => {
  const made = await anima(['tripwire', 'create', 'trap/github', '--like', 'github', '--metadata', 'note=ci']);
  expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining('Stored trap/github as a tripwire.') });
  const { value, metadata } = await vault().getWithInfo('trap/github');
  expect([made.stdout.includes(value), metadata]).toEqual([false, { note: 'ci' }]);
  expect(value).toMatch(/^ghp_/);
  const shown = await anima(['tripwire', 'create', 'trap/aws', '--like', 'aws', '--print']);
  expect(shown.stdout).toBe(await vault().get('trap/aws'));
  expect(await anima(['tripwire', 'create', 'trap/aws'])).toMatchObject({ code: 5 });
  expect(await anima(['tripwire', 'create', 'trap/x', '--like', 'odd'])).toMatchObject({ code: 2 });
});

describe('generate', () => {
  test('stores a password that it does not show, with the metadata of the version before', async () => {
    await vault().set('gen/a', 'old', { metadata: { allowed_hosts: 'api.example.com' } });
    const { code, stdout, stderr } = await anima(['generate', 'gen/a', '--tag', 'db', '--note', 'made here']);
    const { value, metadata, version } = await vault().getWithInfo('gen/a');
    expect([code, version, value.length]).toEqual([0, 2, 32]);
    expect(metadata).toEqual({ allowed_hosts: 'api.example.com', tags: 'db', note: 'made here' });
    expect(stdout).toMatch(/Stored gen\/a, version 2: 32 characters, \d{3} random bits\./);
    expect(stdout + stderr).not.toContain(value);
    const printed = await anima(['generate', 'gen/a', '--print', '--length', '20', '--sets', 'lower,digits']);
    expect(printed.stdout).toBe(`${await vault().get('gen/a')}\n`);
    expect(printed.stdout).toMatch(/^[a-z0-9]{20}\n$/);
  });

  test('prints words or characters without a name, and needs no vault for that', async () => {
    const words = (await runAnima(['generate', '--words', '7', '--separator', ' '])).stdout.trim().split(' ');
    expect(words).toHaveLength(7);
    expect(words.every((word) => wordlist.includes(word))).toBe(true);
    expect(JSON.parse((await runAnima(['generate', '--words', '6', '--json'])).stdout)).toMatchObject({ bits: 66 });
    expect((await runAnima(['generate', '--sets', 'hex', '--length', '64'])).stdout).toMatch(/^[0-9a-f]{64}\n$/);
    const short = await runAnima(['generate', '--length', '8', '--sets', 'digits']);
    expect(short.stderr).toContain('It has only 26 random bits');
  });

  test.each([
    [['--length', '3']],
    [['--length', '5000']],
    [['--sets', 'lower,lower']],
    [['--sets', 'hex,upper']],
    [['--sets', 'greek']],
    [['--words', '0']],
    [['--words', '4', '--length', '9']],
    [['--separator', '-']],
    [['--tag', 'x']],
    [['--print']],
    [['gen/x', '--metadata', 'generated_by=model']],
    [['gen/x', '--metadata', 'allowed_hosts=*']],
    [['gen/x', '--tag', 'two words']],
  ])('refuses %j', async (args) => {
    expect(await runAnima(['generate', ...args])).toMatchObject({ code: 2, stdout: '' });
  });

  test('each character of a set is equally likely, and each set is present', () => {
    const sets: readonly CharacterSet[] = ['lower', 'upper', 'digits', 'symbols'];
    const counts = new Map<string, number>();
    for (let i = 0; i < 3000; i++) {
      const { text } = generatePassword({ length: 40, sets: ['lower'], unambiguous: false });
      for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
      const all = generatePassword({ length: 8, sets, unambiguous: true }).text;
      expect(all).toMatch(/^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[!#%*+.=?@_~-])[^0Oo1lI5S2Z8B|]{8}$/);
    }
    // 120,000 draws of 26 letters: chi-squared with 25 degrees of freedom exceeds 80 once in ten million runs.
    const expected = 120_000 / 26;
    const chiSquared = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect([counts.size, chiSquared < 80]).toEqual([26, true]);
  });

  test('the stated bits are those of the passwords that can result', () => {
    // All 3-character texts with a digit and a letter: 36^3 - 26^3 - 10^3 = 28,080.
    const { bits } = generatePassword({ length: 3, sets: ['lower', 'digits'], unambiguous: false });
    expect(bits).toBe(Math.floor(Math.log2(28_080)));
  });
});

describe('edit', () => {
  const editor = (name: string, script: string) => {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return { EDITOR: path };
  };
  const leftovers = () => readdirSync('/dev/shm').filter((name) => name.startsWith('anima-'));

  test('stores what the editor wrote, from a private file in memory that is gone afterwards', async () => {
    const expiresAt = '2099-01-01T00:00:00.000Z';
    await vault().set('edit/a', 'one', { metadata: { owner: 'ada' }, expiresAt });
    const seen = join(folder, 'seen');
    const env = editor(
      'write',
      `{ echo "$1"; cat "$1"; echo; stat -c '%a' "$1" "$(dirname "$1")"; } > ${seen}; printf 'two\\nlines\\n' > "$1"; cp "$1" "$1~"`,
    );
    expect(await anima(['edit', 'edit/a'], { env })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('version 2'),
    });
    expect(await vault().getWithInfo('edit/a')).toMatchObject({
      value: 'two\nlines',
      metadata: { owner: 'ada' },
      expiresAt,
    });
    const [path, ...rest] = readFileSync(seen, 'utf8').trim().split('\n');
    expect(path).toMatch(/^\/dev\/shm\/anima-[^/]+\/a$/);
    expect(rest).toEqual(['one', '600', '700']);
    expect(existsSync(path ?? '')).toBe(false);
    expect(leftovers()).toEqual([]);
  });

  test('stores nothing if nothing changed, the file is empty, or the editor fails; a new name begins empty', async () => {
    await vault().set('edit/b', 'same');
    for (const [script, code] of [
      ['echo >> "$1"', 0],
      ['true', 0],
      [': > "$1"', 2],
      ['exit 3', 1],
    ] as const) {
      const env = editor('odd', script);
      expect((await anima(['edit', 'edit/b'], { env })).code).toBe(code);
    }
    expect(await vault().getWithInfo('edit/b')).toMatchObject({ value: 'same', version: 1 });
    const env = editor('new', 'test ! -s "$1" && printf fresh > "$1"');
    expect(await anima(['edit', 'edit/new'], { env: { ...env, VISUAL: '' } })).toMatchObject({ code: 0 });
    expect(await vault().get('edit/new')).toBe('fresh');
    expect(leftovers()).toEqual([]);
  });

  test('does not overwrite a version that was stored meanwhile, and keeps the text', async () => {
    await vault().set('edit/c', 'one');
    const other = `${process.execPath} --disable-warning=ExperimentalWarning ${join(process.cwd(), 'cli/main.ts')} set edit/c`;
    const env = editor('race', `printf theirs | ${other} > /dev/null; printf mine > "$1"`);
    const { code, stderr } = await anima(['edit', 'edit/c'], { env });
    expect([code, await vault().get('edit/c')]).toEqual([5, 'theirs']);
    const [, path = ''] = /your text is still in (\S+?)\.\n/.exec(stderr) ?? [];
    expect(readFileSync(path, 'utf8')).toBe('mine');
    rmSync(join(path, '..'), { recursive: true });
  });
});

describe('search and tags', () => {
  beforeAll(async () => {
    await vault().setMany([
      { name: 'find/Stripe/key', value: 'v1', metadata: { owner: 'Ada', tags: 'web, billing' } },
      { name: 'find/db', value: 'v2', metadata: { note: 'stripe mirror' } },
      { name: 'find/other', value: 'stripe', metadata: { tags: 'webhook' } },
    ]);
  });
  const found = async (...args: string[]) => {
    const { code, stdout } = await anima(['search', '--prefix', 'find/', ...args]);
    return [code, ...stdout.split('\n').filter((name) => name !== '')];
  };

  test('finds names and metadata, never values', async () => {
    expect(await found('stripe')).toEqual([0, 'find/Stripe/key', 'find/db']);
    expect(await found('STRIPE', 'ada')).toEqual([0, 'find/Stripe/key']);
    expect(await found('--tag', 'web')).toEqual([0, 'find/Stripe/key']);
    expect(await found('--metadata', 'owner')).toEqual([0, 'find/Stripe/key']);
    expect(await found('--metadata', 'owner=ada')).toEqual([3]);
    expect(await found('nowhere')).toEqual([3]);
    const json = JSON.parse((await anima(['search', 'find/db', '--json'])).stdout);
    expect(json).toEqual([expect.objectContaining({ name: 'find/db', metadata: { note: 'stripe mirror' } })]);
  });

  test('set and info add and remove tags and the note, and keep the value', async () => {
    expect(await anima(['set', 'tag/a', '--tag', 'x', '--tag', 'y', '--note', 'n'], { input: 'v' })).toMatchObject({
      code: 0,
    });
    expect(await vault().getWithInfo('tag/a')).toMatchObject({ metadata: { tags: 'x, y', note: 'n' } });
    expect(await anima(['info', 'tag/a', '--untag', 'x', '--tag', 'z', '--note', ''])).toMatchObject({ code: 0 });
    expect(await vault().getWithInfo('tag/a')).toMatchObject({ value: 'v', metadata: { tags: 'y, z' } });
    expect(await anima(['set', 'tag/a', '--tag', 'w'], { input: 'v2' })).toMatchObject({ code: 0 });
    expect(await vault().getWithInfo('tag/a')).toMatchObject({ metadata: { tags: 'y, z, w' } });
    expect(await anima(['info', 'tag/a', '--untag', 'none'])).toMatchObject({ code: 2 });
    expect(await anima(['set', 'tag/a', '--tag', 'a,b'], { typed: ['hunter2\r'] })).toMatchObject({ code: 2 });
  });
});

describe('diff and rollback', () => {
  test('versions with the same value have the same hash, and the hash tells nothing across calls', async () => {
    for (const [value, owner] of [
      ['one', 'a'],
      ['two', 'a'],
      ['one', 'b'],
    ] as const)
      await vault().set('diff/a', value, { metadata: { owner } });
    const versions = async () =>
      JSON.parse((await anima(['diff', 'diff/a', '--json'])).stdout) as {
        version: number;
        hash: string;
        changes: string[];
      }[];
    const [three, two, one] = await versions();
    expect([three?.hash === one?.hash, three?.hash === two?.hash]).toEqual([true, false]);
    expect([three?.changes, two?.changes, one?.changes]).toEqual([['changed owner="a" to "b"'], [], []]);
    expect((await versions())[0]?.hash).not.toBe(three?.hash);
    const { stdout } = await anima(['diff', 'diff/a']);
    expect(stdout).not.toMatch(/one|two/);
  });

  test('two names or versions: the exit code says whether they are the same', async () => {
    await vault().set('diff/b', 'two');
    expect(await anima(['diff', 'diff/a?version=2', 'diff/b'])).toMatchObject({ code: 0 });
    expect(await anima(['diff', 'anima://diff/a', 'diff/b'])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('The values differ.'),
    });
    expect(await anima(['diff', 'diff/a', 'diff/none'])).toMatchObject({ code: 3 });
    expect(await anima(['diff', 'diff//a'])).toMatchObject({ code: 2 });
  });

  test('rollback stores an earlier value with the rules of the current version', async () => {
    await vault().set('back/a', 'one', { metadata: { allowed_hosts: 'old.example.com' } });
    await vault().set('back/a', 'two', { metadata: { allowed_hosts: 'new.example.com' } });
    expect(await anima(['rollback', 'back/a'])).toMatchObject({
      code: 0,
      stdout: 'Stored back/a, version 3, with the value of version 1.\n',
    });
    expect(await vault().getWithInfo('back/a')).toMatchObject({
      value: 'one',
      version: 3,
      metadata: { allowed_hosts: 'new.example.com' },
    });
    expect(await anima(['rollback', 'back/a', '--to', '2'])).toMatchObject({ code: 0 });
    expect(await vault().get('back/a')).toBe('two');
    expect(await anima(['rollback', 'back/a', '--to', '4'])).toMatchObject({ code: 3 });
    expect(await anima(['rollback', 'back/a', '--to', '99'])).toMatchObject({ code: 3 });
    await vault().set('back/one', 'x');
    expect(await anima(['rollback', 'back/one'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('no earlier version'),
    });
    expect(await anima(['rollback', 'back/none'])).toMatchObject({ code: 3 });
  });
});

describe('cp and mv', () => {
  test('cp keeps metadata and expiry, and replaces only with --force', async () => {
    const expiresAt = '2099-01-01T00:00:00.000Z';
    await vault().set('cp/a', 'v', { metadata: { metadata_by: 'model', allowed_hosts: 'a.example.com' }, expiresAt });
    await vault().set('cp/taken', 'other');
    expect(await anima(['cp', 'cp/a', 'cp/b'])).toMatchObject({ code: 0 });
    const copy = await vault().getWithInfo('cp/b');
    expect(copy).toMatchObject({
      value: 'v',
      expiresAt,
      metadata: { metadata_by: 'model', allowed_hosts: 'a.example.com' },
    });
    expect(await anima(['cp', 'cp/a', 'cp/taken'])).toMatchObject({ code: 5 });
    expect(await vault().get('cp/taken')).toBe('other');
    expect(await anima(['cp', 'cp/a', 'cp/taken', '--force', '--json'])).toMatchObject({
      stdout: `${JSON.stringify([{ from: 'cp/a', to: 'cp/taken', fromVersion: 1, toVersion: 2 }])}\n`,
    });
    expect(await anima(['cp', 'cp/a', 'into/'])).toMatchObject({ code: 0 });
    expect(await vault().get('into/a')).toBe('v');
    for (const [from, to, code] of [
      ['cp/none', 'cp/x', 3],
      ['cp/a', 'cp/a', 2],
      ['cp/a', 'x//y', 2],
      ['none/', 'y/', 3],
      ['cp/', 'cp/x/', 2],
      ['cp/', 'y', 2],
    ] as const)
      expect([from, to, (await anima(['cp', from, to])).code]).toEqual([from, to, code]);
  });

  test('a folder is copied whole or not at all', async () => {
    await vault().setMany({ 'from/a': '1', 'from/b/c': '2', 'into2/b/c': 'taken' });
    expect(await anima(['cp', 'from/', 'into2/'])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('into2/b/c'),
    });
    expect((await vault().list({ prefix: 'into2/' }).toArray()).map(({ name }) => name)).toEqual(['into2/b/c']);
    expect(await anima(['cp', 'from/', 'into3/'])).toMatchObject({ code: 0 });
    expect((await vault().getMany(['into3/a', 'into3/b/c'])).orThrow().map(({ value }) => value)).toEqual(['1', '2']);
  });

  test('mv asks, then deletes the old name; without a terminal it needs --yes', async () => {
    await vault().setMany({ 'mv/a': 'v', 'mv/f/x': '1', 'mv/f/y': '2' });
    expect(await anima(['mv', 'mv/a', 'mv/b'])).toMatchObject({ code: 2 });
    expect(await anima(['mv', 'mv/a', 'mv/b'], { typed: ['wrong\n'] })).toMatchObject({ code: 1 });
    expect(await vault().get('mv/a')).toBe('v');
    expect(await anima(['mv', 'mv/a', 'mv/b'], { typed: ['mv/a\n'] })).toMatchObject({ code: 0 });
    await expect(vault().get('mv/a')).rejects.toMatchObject({ code: 'value_not_found' });
    expect(await vault().get('mv/b')).toBe('v');
    expect(await anima(['mv', 'mv/f/', 'mv/g/', '--yes'])).toMatchObject({ code: 0 });
    expect((await vault().list({ prefix: 'mv/' }).toArray()).map(({ name }) => name)).toEqual([
      'mv/b',
      'mv/g/x',
      'mv/g/y',
    ]);
  });

  test('mv with a key that may not delete says that both names exist', async () => {
    await vault().set('mv/keep', 'v');
    const admin = stack.clientOf(stack.vault.adminKey);
    const { key } = await admin.keys.create({ role: 'agent', verbs: ['values.read', 'values.list', 'values.write'] });
    const ran = await anima(['mv', 'mv/keep', 'mv/kept', '--yes'], { env: { ANIMA_KEY: key } });
    expect(ran).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('the old name was not deleted: mv/keep (forbidden)'),
    });
    expect(await vault().get('mv/keep')).toBe(await vault().get('mv/kept'));
  });
});
