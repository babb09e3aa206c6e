/**
 * An upgrade during which an alias sends requests to two releases: values that one release writes are read by the other.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import type { AuditRecord, ValueInfo } from '../../sdk/src/index.ts';
import { type LocalStack, startLocalStack } from '../shared/local-stack.ts';
import { addAlias, changedAssembly, integrateAlias } from './changed-assembly.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const entries = ['ReaderFunction', 'WriterFunction'];

/** A release whose reader and writer log `mark` when they start. `shared` routes half of the requests to version 1. */
function release(mark: string, shared: boolean, edit: (code: string) => string = (code) => code): string {
  const made = changedAssembly(inject('assembly'), (stack, editCode) => {
    for (const entry of entries) {
      const id = stack.functionId(entry);
      if (id === undefined) continue;
      editCode(id, (code) => `${edit(code)}\nconsole.log('started ${mark}');\n`);
      const alias = addAlias(stack, id, shared ? { version: '1', weight: 0.5 } : undefined);
      integrateAlias(stack, entry.replace('Function', ''), alias);
    }
  });
  cleanups.push(made.remove);
  return made.folder;
}

/** Publishes the old release as version 1, then starts the new one beside it. */
async function startMixedFleet(edit?: (code: string) => string): Promise<LocalStack> {
  const dataDir = mkdtempSync(join(tmpdir(), 'anima-fleet-'));
  cleanups.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const old = await startLocalStack({ assembly: release('old', false), dataDir });
  await old.client.vault.set('before', 'the upgrade');
  await old.vault.close();
  const fleet = await startLocalStack({ assembly: release('new', true, edit), dataDir });
  cleanups.push(async () => await fleet.vault.close());
  return fleet;
}

const names = Array.from({ length: 24 }, (_, n) => `mixed/${String(n).padStart(2, '0')}`);

/** Writes, reads, lists and overwrites values. Each request is served by either release. */
async function exercise({ client, clientOf, vault }: LocalStack): Promise<void> {
  const since = new Date().toISOString();
  expect(await client.vault.get('before')).toBe('the upgrade');
  for (const name of names) await client.vault.set(name, `first of ${name}`, { metadata: { kind: 'mixed' } });
  for (const name of names) expect(await client.vault.get(name)).toBe(`first of ${name}`);
  const listed: ValueInfo[] = [];
  for await (const info of client.vault.list({ prefix: 'mixed/' })) listed.push(info);
  expect(listed.map(({ name }) => name)).toEqual(names);
  expect(listed.every(({ version, metadata }) => version === 1 && metadata?.kind === 'mixed')).toBe(true);
  for (const name of names) {
    expect(await client.vault.set(name, `second of ${name}`, { ifVersion: 1 })).toMatchObject({ version: 2 });
    await expect(client.vault.set(name, 'lost', { ifVersion: 1 })).rejects.toMatchObject({ code: 'version_conflict' });
  }
  const found = await client.vault.getMany(names);
  for (const name of names) expect(found.get(name).value).toBe(`second of ${name}`);
  const records: AuditRecord[] = [];
  for await (const record of clientOf(vault.adminKey).audit.query({ from: since, name: 'mixed/' }))
    records.push(record);
  // For each name: a set, an overwrite and a refused overwrite; and one get.
  const count = (route: string, result: string) =>
    records.filter((record) => record.route === route && record.result === result).length;
  expect(count('setValue', 'ok')).toBe(2 * names.length);
  expect(count('setValue', 'version_conflict')).toBe(names.length);
  expect(count('getValue', 'ok')).toBe(names.length);
}

const starts = (stack: LocalStack, mark: string) => stack.vault.logs().split(`started ${mark}`).length - 1;

test('an old and a new release serve requests alternately, and every value, version, list and record is right', async () => {
  const fleet = await startMixedFleet();
  const before = starts(fleet, 'old');
  await exercise(fleet);
  expect(starts(fleet, 'old')).toBeGreaterThan(before);
  expect(starts(fleet, 'new')).toBeGreaterThan(0);
}, 600_000);

test('a release with another format of values is found, because the old one cannot read what it writes', async () => {
  const fleet = await startMixedFleet((code) => {
    expect(code).toContain('enc:v1:');
    return code.replaceAll('enc:v1:', 'enc:v9:');
  });
  await expect(exercise(fleet)).rejects.toMatchObject({ code: 'decryption_failed' });
}, 600_000);
