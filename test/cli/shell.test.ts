/** Parts of the command that need no vault. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { commandTable } from '../../cli/command-table.ts';
import { CommandError, exitCodes, exitMeanings, toFailure } from '../../cli/shell/command-error.ts';
import { durationText, parseDuration, parseWhole } from '../../cli/shell/durations.ts';
import { HiddenLineInput } from '../../cli/shell/hidden-line-input.ts';
import { reserveFile, writePrivateFile } from '../../cli/shell/private-files.ts';
import { askSecret } from '../../cli/shell/prompts.ts';
import { formatTable, formatTree } from '../../cli/shell/terminal-output.ts';
import { escapeForLine } from '../../cli/shell/terminal-text.ts';
import { version } from '../../cli/shell/version.ts';
import { clientErrors } from '../../contract/shared/common-error-codes.ts';
import { errors } from '../../contract/shared/error-codes.ts';
import { addDeviceErrors } from '../../sdk/src/device/service-errors.ts';
import { addLoginErrors } from '../../sdk/src/logins/login-errors.ts';
import { addSessionErrors } from '../../sdk/src/session/requests/service-errors.ts';
import { createError } from '../../sdk/src/shared/errors.ts';
import { addBrokerErrors } from '../../sdk/src/values/broker-errors.ts';
import { runAnima } from './in-process-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'anima-shell-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const manifest: Record<string, unknown> = JSON.parse(readFileSync('cli/package.json', 'utf8'));

describe('a line that is typed without being shown', () => {
  const typed = (...chunks: string[]) => {
    const line = new HiddenLineInput();
    const states = chunks.map((chunk) => line.feed(Buffer.from(chunk)));
    return [states.at(-1), line.bytes().toString('utf8')];
  };

  test.each([
    [['abc', '\r'], 'whole', 'abc'],
    [['abc\n'], 'whole', 'abc'],
    [['aé€\u007f\u007f', 'b\r'], 'whole', 'ab'],
    [['wrong\u0015right\r'], 'whole', 'right'],
    [['a\u001b[A\u001b[1;5Cb\u001bOPc\r'], 'whole', 'abc'],
    [['\u001b', 'x\r'], 'whole', 'x'],
    [['\u001b[200~one\rtwo\u001b[201~', '\r'], 'whole', 'one\ntwo'],
    [['\u001b[20', '0~one\r', 'two\u001b[2', '01~\r'], 'whole', 'one\ntwo'],
    [['a\tb\r'], 'whole', 'a\tb'],
    [['one\rtwo'], 'more', 'one'],
    [['abc\u0003'], 'cancelled', 'abc'],
    [['\u0004'], 'cancelled', ''],
    [['abc\u0004\r'], 'whole', 'abc'],
  ])('%j ends as %s', (chunks, state, text) => {
    expect(typed(...chunks)).toEqual([state, text]);
  });

  test('any text that is pasted comes out as it went in, wherever the terminal cuts it', () => {
    const text = fc
      .string({ unit: 'grapheme', maxLength: 60 })
      .filter((some) => !some.includes('\r') && !some.includes('\u001b'));
    fc.assert(
      fc.property(text, fc.array(fc.nat(80), { maxLength: 5 }), (pasted, cuts) => {
        const bytes = Buffer.from(`\u001b[200~${pasted}\u001b[201~\r`);
        const line = new HiddenLineInput();
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].toSorted((a, b) => a - b);
        const states = at.slice(1).map((end, i) => line.feed(bytes.subarray(at[i], end)));
        expect(states.filter((state) => state === 'whole')).toHaveLength(1);
        expect(line.bytes().toString('utf8')).toBe(pasted);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a question for a secret', () => {
  test('stands there only once the terminal shows nothing more, and leaves the terminal as it was', async () => {
    const seen: [string, boolean][] = [];
    const stdin = Object.assign(new PassThrough(), {
      isTTY: true,
      isRaw: false,
      setRawMode: (on: boolean) => {
        stdin.isRaw = on;
        return stdin;
      },
    });
    const stderr = new Writable({
      write: (chunk, _encoding, done) => {
        seen.push([String(chunk), stdin.isRaw]);
        done();
      },
    });
    // Node.js streams have all members that are used here, but the type requires those of a process.
    const asked = askSecret({ stdin, stderr } as unknown as Parameters<typeof askSecret>[0], 'Value');
    stdin.write('secret\r');
    expect(await asked).toBe('secret');
    expect(seen).toEqual([
      [expect.stringContaining('Value (not shown)'), true],
      [expect.stringContaining('\u001b[?2004l'), false],
    ]);
  });
});

describe('files', () => {
  test('are private from the beginning, replaced whole, and not replaced unless that was asked for', async () => {
    const path = join(folder, 'a');
    await writePrivateFile(path, 'one', { replace: false });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await expect(writePrivateFile(path, 'two', { replace: false })).rejects.toMatchObject({ exit: exitCodes.conflict });
    expect(readFileSync(path, 'utf8')).toBe('one');
    await writePrivateFile(path, 'two', { replace: true });
    expect(readFileSync(path, 'utf8')).toBe('two');
    writeFileSync(join(folder, 'open'), 'x', { mode: 0o644 });
    await writePrivateFile(join(folder, 'open'), 'y', { replace: true });
    expect(statSync(join(folder, 'open')).mode & 0o777).toBe(0o600);
    await expect(writePrivateFile(join(folder, 'none', 'a'), 'x', { replace: true })).rejects.toBeInstanceOf(
      CommandError,
    );
    expect(readdirSync(folder).toSorted()).toEqual(['a', 'open']);
  });

  test('a name that was taken in advance is free again when nothing came of it', async () => {
    const path = join(folder, 'reserved');
    const failing = await reserveFile(path);
    await expect(failing.keepIf(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(readdirSync(folder)).not.toContain('reserved');
    const kept = await reserveFile(path);
    await kept.keepIf(async () => await kept.write('text'));
    expect(readFileSync(path, 'utf8')).toBe('text');
  });
});

describe('errors', () => {
  test('every code of the vault and its client has an exit code, and all but the unforeseen a next step', () => {
    for (const add of [addBrokerErrors, addLoginErrors, addDeviceErrors, addSessionErrors]) add();
    for (const code of [...Object.keys(errors), ...Object.keys(clientErrors)]) {
      const { exit, message } = toFailure(createError(code as keyof typeof errors));
      expect(exit, code).toBeGreaterThan(0);
      expect(message).toBeTruthy();
    }
    expect(toFailure(createError('value_not_found')).exit).toBe(exitCodes.notFound);
    expect(toFailure(createError('forbidden')).exit).toBe(exitCodes.denied);
    expect(toFailure(createError('version_conflict')).exit).toBe(exitCodes.conflict);
    expect(toFailure(createError('connection_failed')).exit).toBe(exitCodes.unavailable);
    expect(toFailure(createError('decryption_failed')).exit).toBe(exitCodes.decryption);
  });

  test('of what nobody foresaw nothing is told but its kind, a system code, and places in the code', () => {
    const secret = 'sk_live_123';
    for (const thrown of [new Error(secret), new TypeError(`${secret}\n    at ${secret}`), secret, { secret }]) {
      const { trace, ...told } = toFailure(thrown);
      expect(JSON.stringify(told)).not.toContain(secret);
      expect(told.exit).toBe(1);
    }
    expect(toFailure(Object.assign(new Error(secret), { code: 'ENOSPC' })).message).toContain('ENOSPC');
  });
});

describe('durations and numbers', () => {
  test.each([
    ['90s', 90],
    ['15m', 900],
    ['12h', 43_200],
    ['7d', 604_800],
    ['2w', 1_209_600],
  ])('%s', (text, seconds) => {
    expect(parseDuration('--x', text)).toBe(seconds);
  });
  test.each(['', '0s', '7', 'd', '-1d', '1.5h', '1y', '1 d', '1d2h', '99999999999s'])('refuses %j', (text) => {
    expect(() => parseDuration('--x', text)).toThrow(CommandError);
  });
  test('whole numbers are digits alone', () => {
    expect(parseWhole('--x', '07')).toBe(7);
    for (const text of ['', '-1', '1.0', '1e3', '0x1', ' 1', '9'.repeat(16)])
      expect(() => parseWhole('--x', text)).toThrow();
    expect(() => parseWhole('--x', '0', 1)).toThrow();
  });
  test('are told in units that people use', () => {
    expect([0, 40_000, 300_000, 10_800_000, 172_800_000].map(durationText)).toEqual([
      '0 s',
      '40 s',
      '5 min',
      '3 h',
      '2 days',
    ]);
  });
});

describe('output', () => {
  test('tables align, and what could steer a terminal is made visible', () => {
    expect(
      formatTable([
        ['a', 'b'],
        ['longer', '\u001b[31mred\u0007'],
      ]),
    ).toBe('a       b\nlonger  \\u001b[31mred\\u0007');
    expect(escapeForLine('a\u202eb\u009bc\n')).toBe('a\\u202eb\\u009bc\\u000a');
  });
  test('a tree keeps a value and a folder of one name apart', () => {
    expect(formatTree(['a', 'a/b/c', 'd'])).toBe('├─ a\n├─ a/\n│  └─ b/\n│     └─ c\n└─ d');
  });
});

describe('help', () => {
  test.each(Object.keys(commandTable))('%s is explained with an example', async (name) => {
    const { code, stdout } = await runAnima([name, '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Examples?:\n {2}\$ anima|Examples?:\n {2}\$ /);
    expect(stdout).toContain('--profile');
  });

  test('lists every command and exit code, and loads no command for that', async () => {
    const { code, stdout } = await runAnima(['--help']);
    expect(code).toBe(0);
    for (const name of Object.keys(commandTable)) expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    for (const number of Object.values(exitCodes)) expect(stdout).toMatch(new RegExp(`^ {2}${number} {2}\\w`, 'm'));
  });
});

describe('the package', () => {
  test('says its version once for people and once for code, and they agree', () => {
    expect(manifest.version).toBe(version);
  });
  test('explains every exit code in its README', () => {
    const readme = readFileSync('cli/README.md', 'utf8');
    for (const [name, code] of Object.entries(exitCodes)) {
      expect(readme).toContain(`| ${code} | ${exitMeanings[name as keyof typeof exitMeanings]} |`);
    }
  });
  test('pins what it needs', () => {
    const needed = Object.values({
      ...(manifest.dependencies as object),
      ...(manifest.optionalDependencies as object),
    });
    expect(needed.length).toBeGreaterThan(3);
    for (const range of needed) expect(range).toMatch(/^\d+\.\d+\.\d+$/);
  });
});
