/** A local vault that is killed during a rotation, as by a power failure. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, inject, onTestFailed, test } from 'vitest';
import { Anima } from '../../sdk/src/index.ts';
import { startVaultProcess, type VaultProcess } from '../shared/vault-process.ts';
import { latestRotation, waitUntilRotated } from './await-rotation.ts';

const folder = mkdtempSync(join(tmpdir(), 'anima-crash-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const values = 600;

const start = async (): Promise<VaultProcess> =>
  await startVaultProcess('--data', folder, '--port', '0', '--assembly', inject('assembly'), '--time-scale', '0.5');

/** The interface that the rotation helpers need, for a vault in a separate process. */
const watched = ({ ready }: VaultProcess) => ({
  vault: ready,
  http: async (method: string, path: string, { key }: { key: string }) =>
    await fetch(ready.url + path, { method, headers: { authorization: `Bearer ${key}` } }),
});
const clientOf = ({ ready }: VaultProcess) => new Anima({ apiKey: ready.agentKey, baseURL: ready.url });

test('killed again and again in mid-rotation, it goes on by itself after each start, and every value opens', async () => {
  let vault = await start();
  const stop = async () => void (await vault.stop('SIGKILL'));
  onTestFailed(stop);
  const entries = Array.from({ length: values }, (_, n) => ({ name: `kept/${n}`, value: `value ${n}` }));
  (await clientOf(vault).vault.setMany(entries)).orThrow();
  const { http, vault: first } = watched(vault);
  expect((await http('POST', '/v1/org/rotation', { key: first.adminKey })).status).toBe(200);

  // Once during the re-encryption, and once during the wait.
  for (const state of ['running', 'draining']) {
    await expect
      .poll(async () => (await latestRotation(watched(vault))).state, { interval: 5, timeout: 30_000 })
      .toBe(state);
    await stop();
    vault = await start();
    expect((await latestRotation(watched(vault))).state).not.toBe('done');
    expect(await clientOf(vault).vault.get('kept/7')).toBe('value 7');
  }
  const done = await waitUntilRotated(watched(vault));
  expect(done).toMatchObject({ to: 2, counted: values, total: values, damaged: 0 });
  const found = await clientOf(vault).vault.getMany(entries.map(({ name }) => name));
  expect(entries.every(({ name, value }) => found.get(name).value === value)).toBe(true);
  await vault.stop('SIGTERM');
});
