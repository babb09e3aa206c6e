/**
 * Lines of `.env` files that common readers read alike, and lines about which they disagree. dotenv, Node.js and shells
 * read the lines here; dotenv-readers.json records what compose-go 2.16.2 and python-dotenv 1.2.2 read.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import dotenv from 'dotenv';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { parseEnvFile } from '../../cli/secrets/dotenv-format.ts';
import recorded from './dotenv-readers.json' with { type: 'json' };
import { runAnima } from './in-process-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'anima-dialects-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const shells = ['sh', 'dash', 'bash'].filter((name) => existsSync(`/bin/${name}`) || existsSync(`/usr/bin/${name}`));

type Variables = Readonly<Record<string, string | null>> | null;

/** The variables of a file; undefined if it is refused. */
function common(text: string): Variables | undefined {
  try {
    return Object.fromEntries(parseEnvFile(text, 'common').map(({ name, value }) => [name, value]));
  } catch {
    return undefined;
  }
}

/** What a shell has in variables after it has read each file; null if it reported an error. */
function shellReads(shell: string, texts: readonly string[], names: readonly string[]): Variables[] {
  const file = join(folder, 'read.env');
  return texts.map((text) => {
    writeFileSync(file, text);
    const print = names.map((name) => `printf '%s\\0' "\${${name}-<unset>}"`).join('; ');
    const { stdout, stderr } = spawnSync(shell, ['-c', `. ${file}; ${print}`], {
      // With a socket as standard input, bash acts as a remote shell and reads its startup files.
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin' },
    });
    if (stderr !== '') return null;
    const values = stdout.split('\0').slice(0, names.length);
    return Object.fromEntries(
      names.map((name, i) => [name, values[i] ?? '']).filter(([, value]) => value !== '<unset>'),
    );
  });
}

describe('a line that readers read alike is accepted, any other refused', () => {
  test.each(recorded)('$text', ({ text, compose, python }) => {
    const readings: Variables[] = [
      dotenv.parse(text),
      { ...parseEnv(text) } as Variables,
      compose as Variables,
      python as Variables,
      ...shells.map((shell) => shellReads(shell, [text], ['A'])[0] ?? null),
    ];
    const agreed = readings.every((reading) => JSON.stringify(reading) === JSON.stringify(readings[0]));
    const ours = common(text);
    if (ours !== undefined) for (const reading of readings) expect(reading).toEqual(ours);
    // Some lines are refused although these readers agree, because a similar line is read differently.
    if (!agreed) expect(ours).toBeUndefined();
  });

  test.each(['UID', 'EUID', 'PPID', 'SHELLOPTS', 'BASHOPTS', 'BASH_VERSINFO'])(
    '%s, which bash does not let a file set',
    (name) => {
      expect(common(`${name}=1000\n`)).toBeUndefined();
      expect(parseEnvFile(`${name}=1000\n`, 'dotenv')).toMatchObject([{ name, value: '1000' }]);
      if (shells.includes('bash')) expect(shellReads('bash', [`${name}=1000\n`], [name])).toEqual([null]);
    },
  );

  test('whatever is accepted', () => {
    const character = fc.constantFrom(...` \t#='"\`\${}\\n!~:/&;|<(*?[%é\u00a0\n,aB0`);
    const value = fc.string({ unit: character, maxLength: 8 });
    const line = fc.oneof(
      value.map((text) => `A=${text}`),
      value.map((text) => `A='${text}'`),
      value.map((text) => `A="${text}"`),
      fc.tuple(value, value).map(([text, after]) => `export A='${text}'${after}`),
    );
    const texts = fc
      .sample(line, { numRuns: 3000, seed: 26 })
      .map((text) => `${text}\nB=tail\n`)
      .filter((text) => common(text) !== undefined)
      .slice(0, 120);
    expect(texts.length).toBe(120);
    for (const text of texts) {
      expect({ ...dotenv.parse(text) }, text).toEqual(common(text));
      expect({ ...parseEnv(text) }, text).toEqual(common(text));
    }
    const names = ['A', 'B', 'a', 'n'];
    expect(shellReads('sh', texts, names)).toEqual(texts.map(common));
  });
});

describe('the commands', () => {
  const env = { PATH: process.env.PATH ?? '' };
  test.each([
    ['a blank without quotes', 'A=hunter2 b\n', 'line 1: A has a blank in its value without quotes'],
    ['an expansion', 'B=1\nA="$hunter2"\n', 'line 2: A has one of'],
    ['carriage returns', 'A=hunter2\r\n', 'carriage returns'],
    ['a byte-order mark', '\ufeffA=hunter2\n', 'byte-order mark'],
    ['a name that is none of a shell', 'a.b=hunter2\n', 'its name is not one of a shell variable'],
  ])('refuse %s, say where, and start or store nothing', async (_name, text, told) => {
    const file = join(folder, 'x.env');
    writeFileSync(file, text);
    const mark = join(folder, 'started');
    for (const args of [
      ['run', '--dotenv', file, '--', 'touch', mark],
      ['import', file],
    ]) {
      const { code, stderr } = await runAnima(args, { env });
      expect([code, existsSync(mark)]).toEqual([2, false]);
      expect(stderr).toContain(told);
      expect(stderr).toMatch(/The command was not started|Nothing was stored/);
      expect(stderr).toContain('--dialect dotenv');
      expect(stderr).not.toContain('hunter2');
    }
    const read = ['run', '--dotenv', file, '--dialect', 'dotenv', '--', 'true'];
    expect(await runAnima(read, { env })).toMatchObject({ code: 0 });
  });
});
