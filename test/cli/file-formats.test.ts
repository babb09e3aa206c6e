import { readFileSync } from 'node:fs';
import dotenv from 'dotenv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseEnvFile } from '../../cli/secrets/dotenv-format.ts';
import { type FileEntry, FileFormatError } from '../../cli/secrets/file-entry.ts';
import { parseJsonOrYaml, writeJsonOrYaml } from '../../cli/secrets/json-yaml-format.ts';
import { inputFormats, outputFormats, resolveFormat } from '../../cli/secrets/secret-files.ts';

const thirty = readFileSync(new URL('../shared/thirty.env', import.meta.url), 'utf8');
const record = (entries: readonly FileEntry[]) => Object.fromEntries(entries.map(({ name, value }) => [name, value]));
const letters = (...all: readonly string[]) => fc.string({ unit: fc.constantFrom(...all), maxLength: 24 });

/** The message of the error for a rejected file. */
function complaint(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(FileFormatError);
    return String(error);
  }
  return expect.fail('it was taken');
}

describe('.env files', () => {
  test('of thirty settings are read as dotenv reads them', () => {
    expect(record(parseEnvFile(thirty))).toEqual(dotenv.parse(thirty));
    expect(parseEnvFile(thirty)).toHaveLength(30);
    expect(record(parseEnvFile(thirty.replaceAll('\n', '\r\n')))).toEqual(dotenv.parse(thirty));
  });

  test('whatever is taken means the same to dotenv', () => {
    let taken = 0;
    fc.assert(
      fc.property(letters('A', 'B', '=', "'", '"', '`', '\\', '#', ' ', '\n', '\r', 'n', 'A=', '\nB='), (text) => {
        let entries: FileEntry[];
        try {
          entries = parseEnvFile(text);
        } catch {
          return;
        }
        taken++;
        expect(record(entries)).toEqual(dotenv.parse(text));
      }),
      { numRuns: 5000 },
    );
    expect(taken).toBeGreaterThan(500);
  });

  test.each([
    ['a line that is no assignment', 'A=1\nhunter2\n', 'line 2'],
    ['a name that stands twice', 'A=hunter2\nB=1\nA=hunter2', 'line 3: A is already set in line 1'],
    ['quotes that do not end', 'A=1\n\nB="hunter2\n', 'line 3'],
    ['text behind quotes', 'A="hunter2"x', 'line 1'],
    ['a # that programs disagree about', 'A=hunter2#x', 'line 1'],
    ['a colon in place of =', 'A: hunter2', 'line 1'],
  ])('with %s are refused, with the line and no value', (_, text, told) => {
    const said = complaint(() => parseEnvFile(text));
    expect(said).toContain(told);
    expect(said).not.toContain('hunter2');
  });
});

describe('JSON and YAML files', () => {
  test('keys of nested objects become paths; numbers and booleans stay as they are written', () => {
    expect(
      record(parseJsonOrYaml('json', '{"stripe": {"key": "x", "a/b": 1.10}, "on": true, "n": 12345678901234567890}')),
    ).toEqual({
      'stripe/key': 'x',
      'stripe/a/b': '1.10',
      on: 'true',
      n: '12345678901234567890',
    });
    expect(
      record(
        parseJsonOrYaml('yaml', 'port: 8443\nmode: 0x1F\nday: 2026-11-21\npem: |\n  a\n  b\nq: "é\\n"\n8080: yes\n'),
      ),
    ).toEqual({
      port: '8443',
      mode: '0x1F',
      day: '2026-11-21',
      pem: 'a\nb\n',
      q: 'é\n',
      8080: 'yes',
    });
    expect(parseJsonOrYaml('json', '{}')).toEqual([]);
  });

  test.each([
    ['json', '{"a": null}'],
    ['json', '{"a": ["hunter2"]}'],
    ['json', '{"a": "hunter2", "a": "x"}'],
    ['json', '{"a/b": "hunter2", "a": {"b": "x"}}'],
    ['json', '["hunter2"]'],
    ['json', '"hunter2"'],
    ['json', '{"a": "hunter2"'],
    ['json', '{"a": "hunter2",}'],
    ['json', 'a: hunter2'],
    ['json', ''],
    ['yaml', 'a: ~'],
    ['yaml', 'a:'],
    ['yaml', 'a: [hunter2]'],
    ['yaml', 'a: &x hunter2\nb: *x'],
    ['yaml', 'a: !!binary aHVudGVyMg=='],
    ['yaml', 'a: !x hunter2'],
    ['yaml', 'a: hunter2\na: x'],
    ['yaml', 'a: hunter2\n---\nb: x'],
    ['yaml', 'a: "hunter2'],
    ['yaml', '? [a]\n: hunter2'],
    ['yaml', '- hunter2'],
  ] as const)('%s %j is refused, without its values', (format, text) => {
    expect(complaint(() => parseJsonOrYaml(format, text))).not.toContain('hunter2');
  });

  test('give every value and name back byte for byte', () => {
    const names = fc.constantFrom(
      'a',
      'a/b',
      '__proto__',
      'constructor',
      '8',
      '07',
      'true',
      'null',
      '-x',
      '@y',
      ':z',
      '<<',
      '~',
    );
    const value = letters(
      'a',
      "'",
      '"',
      '\\',
      '#',
      ' ',
      '\n',
      '\r',
      '\t',
      ':',
      '{',
      '[',
      '&',
      '*',
      '!',
      '|',
      '%',
      '-',
      '?',
      'é',
      '😀',
      '\0',
      '\u2028',
      '\u0085',
      '\ufeff',
      '---',
      '...',
    );
    for (const format of ['json', 'yaml'] as const) {
      fc.assert(
        fc.property(fc.array(fc.tuple(names, value), { maxLength: 4 }), (pairs) => {
          const entries = [...new Map(pairs)].map(([name, value]) => ({ name, value }));
          const back = parseJsonOrYaml(format, writeJsonOrYaml(format, entries)).map(({ name, value }) => ({
            name,
            value,
          }));
          expect(back).toEqual(entries);
        }),
        { numRuns: 400 },
      );
    }
  });
});

test('the name of a file tells its format, an option overrules it', () => {
  const files = ['.env', 'x/.env.local', 'a.env', 'a.json', 'A.YML', 'a.yaml', 'a.sh', 'a.txt', 'env'];
  expect(files.map((file) => resolveFormat(outputFormats, undefined, file))).toEqual([
    ...['dotenv', 'dotenv', 'dotenv', 'json', 'yaml', 'yaml', 'shell'],
    ...[undefined, undefined],
  ]);
  expect(resolveFormat(inputFormats, undefined, 'a.sh')).toBeUndefined();
  expect(resolveFormat(inputFormats, 'yaml', 'a.json')).toBe('yaml');
  expect(() => resolveFormat(inputFormats, 'shell', 'a.json')).toThrow('--format must be one of dotenv, json, yaml');
});
