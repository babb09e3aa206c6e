/** The vectors of sessions, recomputed by other implementations in Python (test/sessions/python-oracle). */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { runProgram } from './run-program.ts';

const commands = inject('pythonCommands');
const scratch = mkdtempSync(join(tmpdir(), 'anima-oracle-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const pathOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const recompute = (vectors: string) =>
  runProgram(join(commands ?? '', 'python'), [
    '-B',
    pathOf('test/sessions/python-oracle/recompute_vectors.py'),
    vectors,
  ]);

describe.skipIf(commands === null)('X3DH and DoubleRatchet of PyPI', { timeout: 300_000 }, () => {
  const stored = pathOf('test/vectors/sessions/x3dh-double-ratchet.json');

  test('C1: compute the committed handshakes and messages', async () => {
    const { code, stdout, output } = await recompute(stored);
    expect(code, output).toBe(0);
    expect(stdout).toBe('2 handshakes, 40 messages, 35 deliveries\n');
  });

  test('find one changed byte of a message', async () => {
    const changed = join(scratch, 'changed.json');
    const text = readFileSync(stored, 'utf8');
    writeFileSync(changed, text.replace(/("frame": "0101)03/, '$102'));
    expect(readFileSync(changed, 'utf8')).not.toBe(text);
    expect((await recompute(changed)).output).toContain('the vectors differ');
  });
});
