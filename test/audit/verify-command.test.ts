/** The command that verifies an export, run as a reader of docs/format.md would run it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { sealHash } from '../../core/audit/audit-seal.ts';
import { type Batch, firstRecordTime, jwk, makeExport, org } from './export-fixtures.ts';

const folder = mkdtempSync(join(tmpdir(), 'anima-audit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const command = fileURLToPath(new URL('../../bin/audit-verify.ts', import.meta.url));
function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}
function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const linesOf = (batches: readonly Batch[]): string[] =>
  batches.flatMap(({ records, seal }) => [...records, { seal }].map((line) => JSON.stringify(line)));
const batches = makeExport(3, 5);
const lines = linesOf(batches);
const keys = file('jwks.json', JSON.stringify({ keys: [jwk] }));
const verify = (changed: readonly string[], ...options: string[]) =>
  run(file('export.jsonl', `${changed.join('\n')}\n`), keys, ...options);

describe('npm run audit:verify', () => {
  test('says that an export holds, until when it is complete, and its head', () => {
    const { status, stdout, stderr } = verify(lines, '--until', new Date(firstRecordTime + 15_000).toISOString());
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('The export is valid.');
    expect(stdout).toContain('complete until  2026-11-21T00:00:15.000Z');
    expect(stdout).toContain(`head            ${sealHash(batches[2]?.seal ?? '')}`);
  });

  const swapped = lines.with(1, lines[2] ?? '').with(2, lines[1] ?? '');
  const cases: [string, string[], string][] = [
    ['a record altered', lines.with(7, lines[7]?.replace('"ok"', '"forbidden"') ?? ''), 'record_altered'],
    ['a record removed', lines.toSpliced(7, 1), 'record_removed'],
    ['a record added', lines.toSpliced(7, 0, lines[7] ?? ''), 'record_added'],
    ['records reordered', swapped, 'record_reordered'],
    ['a line that is no JSON', lines.with(7, lines[7]?.slice(0, -5) ?? ''), 'malformed'],
    ['the seal at the end missing', lines.slice(0, -1), 'unsealed'],
    ['a seal in the middle missing', lines.toSpliced(11, 1), 'chain_broken'],
    ['a seal altered', lines.with(11, lines[11]?.replace(/.{4}"\}$/, 'AAAA"}') ?? ''), 'seal_invalid'],
    ['its beginning missing', lines.slice(6), 'chain_broken'],
    ['nothing in it', [], 'chain_broken'],
  ];
  test.each(cases)('refuses one with %s, and says so', (_, changed, code) => {
    const { status, stdout } = verify(changed);
    expect(stdout).toContain(`${code}: `);
    expect(stdout).toContain('The export is not valid');
    expect(status).toBe(1);
  });

  test('refuses one that was cut from the end, once told until when it must be complete', () => {
    expect(verify(lines.slice(0, 12)).status).toBe(0);
    const { status, stdout } = verify(lines.slice(0, 12), '--until', '2026-11-21T00:00:15Z');
    expect([status, stdout]).toEqual([1, expect.stringContaining('cut: the export ends at 2026-11-21T00:00:10.000Z')]);
  });

  test('takes a head that begins with a hyphen, as every 64th does', () => {
    const { status, stdout } = verify(lines, '--includes', `-${'A'.repeat(42)}`);
    expect([status, stdout]).toEqual([1, expect.stringContaining('its history')]);
  });

  test('refuses one of another history than the head that was kept', () => {
    expect(verify(lines, '--includes', sealHash(batches[1]?.seal ?? '')).status).toBe(0);
    const { status, stdout } = verify(linesOf(makeExport(3, 5)), '--includes', sealHash(batches[1]?.seal ?? ''));
    expect([status, stdout]).toEqual([1, expect.stringContaining('its history differs')]);
  });

  test('remembers the head of a valid export, and refuses a later one that is shorter or differs', () => {
    const state = join(folder, 'heads.json');
    const cut = lines.slice(0, 12);
    // The export alone is valid, whatever was cut from its end.
    expect(verify(cut, '--state', state).status).toBe(0);
    expect(verify(lines, '--state', state).status).toBe(0);
    const stored = readFileSync(state, 'utf8');
    expect(JSON.parse(stored)).toMatchObject({ heads: { [org]: { seq: 3 } } });
    const shorter = verify(cut, '--state', state);
    expect([shorter.status, shorter.stdout]).toEqual([1, expect.stringContaining('cut: the export ends with seal 2')]);
    const other = verify(linesOf(makeExport(3, 5)), '--state', state);
    expect([other.status, other.stdout]).toEqual([1, expect.stringContaining('history_changed: seal 3')]);
    expect(readFileSync(state, 'utf8')).toBe(stored);
    expect(verify(lines, '--state', state).status).toBe(0);
  });

  test('verifies nothing with a damaged state file, and does not replace it', () => {
    const state = file('damaged.json', '{"version":1}');
    const { status, stdout, stderr } = verify(lines, '--state', state);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Nothing was verified');
    expect(readFileSync(state, 'utf8')).toBe('{"version":1}');
  });

  test('says by exit status 2 that a head could not be stored', () => {
    const { status, stderr } = verify(lines, '--state', join(folder, 'no', 'heads.json'));
    expect([status, stderr]).toEqual([2, expect.stringContaining('could not be stored')]);
    expect(existsSync(join(folder, 'no'))).toBe(false);
  });

  test('refuses an export of another organization than expected', () => {
    expect(verify(lines, '--expect-org', org).status).toBe(0);
    const { status, stdout } = verify(lines, '--expect-org', 'zzzzzzzzzzzzzzzz');
    expect([status, stdout]).toEqual([1, expect.stringContaining('wrong_org: ')]);
  });

  test('refuses seals of a key that is not in the set, whatever the set calls it', () => {
    const other = { ...jwk, x: jwk.y, y: jwk.x };
    const stranger = file('stranger.json', JSON.stringify({ keys: [{ ...other, kid: jwk.kid }] }));
    expect(run(file('export.jsonl', lines.join('\n')), stranger).stdout).toContain('seal_invalid');
  });

  test.each([
    [[], 'npm run audit:verify'],
    [['missing.jsonl', keys], 'missing.jsonl'],
    [[keys, 'missing.json'], 'missing.json'],
    [[keys, keys, '--until', 'yesterday'], '--until'],
    [[keys, keys, '--strict'], '--strict'],
    [[keys, file('empty.json', '{"keys":[]}')], 'no P-256 key'],
  ])('tells what it can not work with, by exit status 2 (%#)', (args, message) => {
    const { status, stderr, stdout } = run(...args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });
});
