/**
 * Compatibility with the reference implementation of Fernet in Python: each side can read the other's files byte for
 * byte.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { deriveFernetKey, openFernet, sealFernet } from '../../core/memory/fernet.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';

interface Reference {
  readonly apiKey: string;
  readonly userId: string;
  readonly lines: readonly { readonly plaintext: string; readonly time: number }[];
}

const beside = (name: string) => new URL(name, import.meta.url);
// Both files were created by `python3 make-reference.py make` with cryptography 48.0.0.
const reference: Reference = JSON.parse(readFileSync(beside('fernet-reference.json'), 'utf8'));
const tokens = readFileSync(beside('fernet-reference.txt'), 'utf8').trimEnd().split('\n');
const key = () => deriveFernetKey(reference.apiKey, reference.userId);

describe('a file written by Python', () => {
  test('opens byte for byte, with the times it was made at', async () => {
    expect(tokens).toHaveLength(10);
    expect(reference.lines).toHaveLength(10);
    for (const [n, { plaintext, time }] of reference.lines.entries()) {
      const opened = await openFernet(await key(), tokens[n] ?? '');
      expect(Buffer.from(opened.plaintext).toString('base64')).toBe(plaintext);
      expect(opened.time).toBe(time);
    }
  });

  test('comes out again to the byte, from its plaintexts, times and IVs', async () => {
    for (const [n, { plaintext, time }] of reference.lines.entries()) {
      const iv = Uint8Array.from(Buffer.from(tokens[n] ?? '', 'base64url').subarray(9, 25));
      expect(await sealFernet(await key(), Buffer.from(plaintext, 'base64'), time, () => iv)).toBe(tokens[n]);
    }
  });

  test('opens for no other user and no other key', async () => {
    for (const other of [
      deriveFernetKey(reference.apiKey, 'user'),
      deriveFernetKey(`${reference.apiKey}A`, reference.userId),
    ]) {
      for (const token of tokens) expect(await errorCodeOf(openFernet(await other, token))).toBe('decryption_failed');
    }
  });
});

const script = fileURLToPath(beside('make-reference.py'));
const python = (input: object) =>
  spawnSync('python3', [script, 'open'], { input: JSON.stringify(input), encoding: 'utf8', timeout: 30_000 });
const { apiKey, userId } = reference;
const isThere = python({ apiKey, userId, tokens: [] }).status === 0;

test.skipIf(!isThere)(
  'tokens of ours open in Python (where python3 has cryptography), for that user alone',
  async () => {
    const plaintexts = [
      ...reference.lines.map(({ plaintext }) => plaintext),
      Buffer.from('of ours').toString('base64'),
    ];
    const made = await Promise.all(
      plaintexts.map(
        async (plaintext) => await sealFernet(await key(), Buffer.from(plaintext, 'base64'), 1_700_000_000),
      ),
    );
    expect(JSON.parse(python({ apiKey, userId, tokens: made }).stdout)).toEqual(plaintexts);
    expect(JSON.parse(python({ apiKey, userId: 'other', tokens: made }).stdout)).toEqual(plaintexts.map(() => null));
  },
);
