/**
 * Transfers 1 GiB with the SDK. The content is not kept in memory, and a range request does not read the whole object.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectFolder, runCommand, startVaultProcess, type VaultProcess } from '../shared/vault-process.ts';
import type { Received, Sent } from './one-gibibyte-transfer.ts';

const mebi = 2 ** 20;
const length = 1024 * mebi;
/** Size of an encrypted chunk and of the header, in bytes. */
const [chunk, header] = [mebi + 16, 64];
const folder = mkdtempSync(join(tmpdir(), 'anima-large-'));
let vault: VaultProcess;
let sent: Sent;
let received: Received;

beforeAll(async () => {
  // Plain JavaScript, as a client would run, because type stripping at start needs additional memory.
  const program = join(folder, 'transfer.mjs');
  const format = { bundle: true, platform: 'node', format: 'esm', logLevel: 'silent' } as const;
  await build({
    entryPoints: [join(projectFolder, 'test/blobs/one-gibibyte-transfer.ts')],
    outfile: program,
    ...format,
  });
  vault = await startVaultProcess('--port', '0', '--memory');
  const env = { ANIMA_KEY: vault.ready.agentKey, ANIMA_URL: vault.ready.url };
  const transfer = async (...args: string[]) =>
    JSON.parse(await runCommand(process.execPath, [program, ...args], folder, env));
  sent = await transfer('up', String(length));
  received = await transfer('down', String(length), sent.url);
  for (const [what, { seconds, resident }] of Object.entries({ up: sent, down: received }))
    process.stdout.write(`${what}: ${seconds.toFixed(1)} s, at most ${Math.round(resident / 1e6)} MB resident\n`);
}, 220_000);
afterAll(async () => {
  await vault.stop('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
});

test('1 GiB of generated content comes back byte for byte', () => {
  expect(received.size).toBe(length);
  expect(received.sha256).toBe(sent.sha256);
});

test.each([
  ['up', () => sent],
  ['down', () => received],
])('%s, the process of the client has less than 150 MB resident', (_, transfer) => {
  // Node.js alone uses at least this much; a smaller value means that nothing was measured.
  expect(transfer().resident).toBeGreaterThan(30_000_000);
  expect(transfer().resident).toBeLessThan(150_000_000);
});

test('64 KiB out of its middle are had by reading two chunks at most', () => {
  const { range, asked } = received;
  expect(range.actual).toBe(range.expected);
  const lengths = asked.map(([from, to]) => to - from + 1);
  expect(lengths.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(header + 2 * chunk);
  expect(lengths).toContain(2 * chunk);
  expect(asked.some(([from]) => from > length / 4)).toBe(true);
});
