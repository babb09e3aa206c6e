/** What `anima export` writes, read by the programs that it is for. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import dotenv from 'dotenv';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import YAML from 'yaml';
import { parseEnvFile } from '../../cli/secrets/dotenv-format.ts';
import { formatEntries, type OutputFormat } from '../../cli/secrets/secret-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'anima-export-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const mark = join(folder, 'executed');

/** Characters that some reader treats specially, and code that creates a file if a shell executes it. */
const pieces = [
  ...[
    'a',
    'n',
    'r',
    "'",
    '"',
    '`',
    '\\',
    '\\\\',
    '$',
    '${A}',
    '$(',
    ')',
    '#',
    ' ',
    '\t',
    '\n',
    '\r',
    '=',
    ':',
    '~',
    '!',
  ],
  ...[
    '{',
    '}',
    ';',
    '&',
    '|',
    '<',
    '>',
    '*',
    '?',
    '%',
    '-',
    '[',
    '\u0085',
    '\u2028',
    '\ufeff',
    '\u007f',
    'é',
    '😀',
    '\0',
  ],
  ...[`$(touch ${mark})`, `\`touch ${mark}\``, `'; touch ${mark}; '`, `"; touch ${mark}; "`, `\n touch ${mark}\n`],
];
const value = fc.string({ unit: fc.constantFrom(...pieces), maxLength: 12 });

/** Values that a person would expect in a vault, and the same in every run. */
const common = [
  ...['', 'plain', 'two words', "it's", 'say "x"', 'a$b', '$HOME', 'C:\\dir\\', 'a#b', ' # c', '~', 'a:~', ' padded '],
  ...['-----BEGIN KEY-----\nabc\n-----END KEY-----\n', '{"a":"b"}', 'true', '1.10', 'null', '# x', '\n', "'", '"'],
  ...[`it's $(touch ${mark})`, `\`touch ${mark}\``, `"$(touch ${mark})"`, 'p${HOME}q', 'a\\\\b', 'a\\nb', 'export A=1'],
];

interface Written {
  readonly text: string;
  /** The values that the format can express, by name. */
  readonly expected: Readonly<Record<string, string>>;
}

/** Writes the values that the format can express into one file; the others must be refused by name. */
function write(format: OutputFormat, values: readonly string[]): Written {
  const entries = values.map((one, i) => ({ name: `V${i}`, value: one }));
  const taken = entries.filter((entry) => {
    try {
      formatEntries(format, [entry]);
      return true;
    } catch (error) {
      expect(String(error)).toContain(entry.name);
      expect(error).toMatchObject({ exit: 2, next: expect.stringMatching(/--format (?:shell|json)/) });
      return false;
    }
  });
  expect(taken.length).toBeGreaterThan(values.length / 8);
  return {
    text: formatEntries(format, taken),
    expected: Object.fromEntries(taken.map(({ name, value: one }) => [name, one])),
  };
}

/** Many values, so that one process reads all of them. */
const sample = (): string[] => [...common, ...fc.sample(value, 3000)];

/** The variables that a shell has after it sourced a file; its own are not among them. */
function sourced(shell: string, args: readonly string[], text: string): Record<string, string> {
  const file = join(folder, 'sourced');
  writeFileSync(file, text);
  const script = `set -ae; . ${file}; exec "${process.execPath}" -e 'process.stdout.write(JSON.stringify(process.env))'`;
  // With a socket as input, bash acts as a remote shell and reads its startup files.
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
  const ran = spawnSync(shell, [...args, '-c', script], { env: {}, stdio, encoding: 'utf8', maxBuffer: 1e8 });
  expect({ code: ran.status, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
  const all: Record<string, string> = JSON.parse(ran.stdout);
  return Object.fromEntries(Object.entries(all).filter(([name]) => /^V\d+$/.test(name)));
}

const shells = (
  [
    ['sh', []],
    ['dash', []],
    ['bash', ['--norc', '--noprofile']],
    ['bash', ['--posix']],
  ] as const
).filter(([shell]) => spawnSync(shell, ['-c', ':']).status === 0);

describe.each(shells)('%s %j', (shell, args) => {
  test.each(['shell', 'dotenv'] as const)('reads a %s file that it sources exactly, and executes nothing', (format) => {
    const { text, expected } = write(format, sample());
    expect(sourced(shell, args, text)).toEqual(expected);
    expect(existsSync(mark)).toBe(false);
  });

  test('gets every value but one with a zero byte in a shell file', () => {
    const values = sample().filter((one) => !one.includes('\0'));
    expect(Object.values(write('shell', values).expected)).toEqual(values);
  });
});

describe('a dotenv file', () => {
  const { text, expected } = write('dotenv', sample());

  test('is read exactly by this command, Node.js and dotenv', () => {
    expect(Object.fromEntries(parseEnvFile(text).map(({ name, value: one }) => [name, one]))).toEqual(expected);
    expect({ ...parseEnv(text) }).toEqual(expected);
    expect(dotenv.parse(text)).toEqual(expected);
  });

  test('is read exactly by node --env-file', () => {
    const file = join(folder, 'node.env');
    writeFileSync(file, text);
    const script = 'process.stdout.write(JSON.stringify(process.env))';
    const out = execFileSync(process.execPath, [`--env-file=${file}`, '-e', script], { env: {}, encoding: 'utf8' });
    expect(JSON.parse(out)).toEqual(expected);
  });

  const python = spawnSync('python3', ['-c', 'import dotenv; dotenv.dotenv_values']).status === 0;
  // Skipped where Python does not have the package python-dotenv.
  test.skipIf(!python)('is read exactly by python-dotenv, which expands nothing in it', () => {
    const file = join(folder, 'python.env');
    writeFileSync(file, text);
    const script = `import dotenv, json; print(json.dumps(dotenv.dotenv_values(${JSON.stringify(file)})))`;
    const env = { ...process.env, A: 'expanded', HOME: '/expanded' };
    expect(JSON.parse(execFileSync('python3', ['-c', script], { env, encoding: 'utf8' }))).toEqual(expected);
  });

  test('holds what most secrets look like', () => {
    const secrets = [
      'sk_live_51H',
      'pa$$w0rd',
      "it's",
      'two words',
      '{"a": "b"}',
      'a\nb\n',
      'C:\\x',
      '$2b$12$abc',
      '#1',
    ];
    expect(Object.values(write('dotenv', secrets).expected)).toEqual(secrets);
  });

  test.each([
    ['a carriage return', 'a\rb'],
    ['an expansion of python-dotenv', 'a${b}c'],
    ['both kinds of quotes', `'"`],
    ['a single quote and a command', `it's $(id)`],
    ['a backslash at its end', 'C:\\dir\\'],
    ['two backslashes', '\\\\server'],
    ['a zero byte', 'a\0b'],
  ])('with %s is refused: the error names the value, does not show it, and suggests a format', (_, odd) => {
    const write = () =>
      formatEntries('dotenv', [
        { name: 'FINE', value: 'x' },
        { name: 'ODD', value: odd },
      ]);
    expect(write).toThrow(expect.objectContaining({ exit: 2, next: expect.stringContaining('--format shell') }));
    expect(write).toThrow(/express ODD:/);
    expect(write).not.toThrow(odd);
  });
});

describe('a file for docker run --env-file', () => {
  /**
   * The documented rules (docs.docker.com, `docker container run`, `--env-file`), as docker/cli `pkg/kvfile` has them.
   */
  function readAsDocker(text: string): Record<string, string> {
    const variables: Record<string, string> = {};
    for (const line of text.split('\n').map((one) => one.replace(/\r$/, '').replace(/^[ \t]+/, ''))) {
      if (line === '' || line.startsWith('#')) continue;
      const at = line.indexOf('=');
      expect(at).toBeGreaterThan(0);
      expect(Buffer.byteLength(line) + 1).toBeLessThanOrEqual(65_536);
      variables[line.slice(0, at)] = line.slice(at + 1);
    }
    return variables;
  }

  test('is read exactly by these rules: blanks and quotes belong to the value', () => {
    const { text, expected } = write('docker', sample());
    expect(readAsDocker(text)).toEqual(expected);
    expect(Object.values(write('docker', [' "a" # \'b\' ', '$(id)', 'é']).expected)).toHaveLength(3);
  });

  test.each([
    ['a line end', 'a\nb'],
    ['a carriage return', 'a\r'],
    ['a zero byte', 'a\0b'],
    ['more than a line can hold', 'x'.repeat(65_534)],
  ])('cannot hold %s', (_, odd) => {
    expect(() => formatEntries('docker', [{ name: 'ODD', value: odd }])).toThrow(/ODD/);
  });
});

describe('JSON and YAML files', () => {
  test('hold every value: JSON.parse and the package yaml read them exactly', () => {
    const values = sample();
    const expected = Object.fromEntries(values.map((one, i) => [`V${i}`, one]));
    const entries = values.map((one, i) => ({ name: `V${i}`, value: one }));
    expect(JSON.parse(formatEntries('json', entries))).toEqual(expected);
    for (const version of ['1.1', '1.2'] as const)
      expect(YAML.parse(formatEntries('yaml', entries), { version })).toEqual(expected);
  });

  const python = spawnSync('python3', ['-c', 'import yaml']).status === 0;
  // Skipped where Python does not have the package PyYAML.
  test.skipIf(!python)('PyYAML, which follows YAML 1.1, reads the same', () => {
    const file = join(folder, 'python.yaml');
    const values = sample();
    writeFileSync(
      file,
      formatEntries(
        'yaml',
        values.map((one, i) => ({ name: `V${i}`, value: one })),
      ),
    );
    const script = `import yaml, json; print(json.dumps(yaml.safe_load(open(${JSON.stringify(file)}, encoding="utf-8"))))`;
    const read = JSON.parse(execFileSync('python3', ['-c', script], { encoding: 'utf8', maxBuffer: 1e8 }));
    expect(Object.values(read)).toEqual(values);
  });
});
