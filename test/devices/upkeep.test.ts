/** When devices make and acknowledge checkpoints, and ask the service to prune. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { zeroHash } from '../../core/devices/chain-entry.ts';
import { recordKey } from '../../core/devices/chain-state.ts';
import { encodeChanges, sealChange } from '../../core/devices/record-changes.ts';
import { draftRoster, nextEpochKey } from '../../core/devices/write-entry.ts';
import { utf8Bytes } from '../../core/encoding/bytes.ts';
import { rejectionOf } from '../sdk/fake-fetch.ts';
import { InMemoryDeviceService } from './in-memory-device-service.ts';
import type { ModelDevice } from './model-device.ts';
import { pairQuietly, push, put, quietDevice, vaultOfTwo } from './pruning-fixtures.ts';

beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const kindsAfter = async ({ engine }: ModelDevice, seq: number): Promise<string[]> => {
  const { parseSignedEntry } = await import('../../core/devices/chain-entry.ts');
  const kinds: string[] = [];
  for (let at = seq + 1; at <= engine.view.state.head.seq; at++) {
    const signed = await engine.entry(at);
    const entry = signed && parseSignedEntry(signed);
    kinds.push(typeof entry === 'object' ? entry.kind : 'none');
  }
  return kinds;
};
const headOf = ({ engine }: ModelDevice): number => engine.view.state.head.seq;

/** A change whose content is void for every device: it names another writer. */
async function pushVoid(by: ModelDevice, id: string): Promise<void> {
  await by.engine.pull(by.settings);
  const { state, currentKey } = by.engine.view;
  const head = state.records.get(recordKey({ type: 'memory', id }));
  const place = { version: (head?.version ?? 0) + 1, parent: head?.hash ?? zeroHash, device: '0'.repeat(32) };
  const content = { lamport: 1, live: true, mediaType: 'text/plain', body: utf8Bytes('void') };
  const change = await sealChange(currentKey(), { type: 'memory', id }, { ...place, ...content });
  await push(by, 'records', encodeChanges([change]));
}

test('a checkpoint is made after enough entries, acknowledged by the other device, and pruned to, once', async () => {
  const { service, first, second } = await vaultOfTwo();
  const start = headOf(first);
  first.vault.upkeep.every = start + 3;
  second.vault.upkeep.every = start + 3;
  await first.vault.sync();
  expect(headOf(first)).toBe(start);
  for (const text of ['1', '2', '3']) await put(first, 'a', text);
  await first.vault.sync();
  expect(await kindsAfter(first, start + 3)).toEqual(['checkpoint']);
  // Its maker does not acknowledge it, and makes no other one.
  await first.vault.sync();
  expect(headOf(first)).toBe(start + 4);
  await second.vault.sync();
  expect(await kindsAfter(second, start + 4)).toEqual(['acknowledge']);
  for (let at = 0; at < 40; at++) await first.vault.sync();
  expect((await service.bundles.getBundle(first.engine.scope))?.seq).toBe(start + 4);
  expect(service.bundles.compactions.size).toBe(0);
  const prune = vi.spyOn(first.engine.requests, 'prune');
  await first.vault.sync();
  expect(prune).not.toHaveBeenCalled();
  expect(headOf(first)).toBe(start + 5);
});

test('two devices that are due at the same time make one checkpoint', async () => {
  const { first, second } = await vaultOfTwo();
  const start = headOf(first);
  await put(first, 'a', 'more');
  await second.vault.sync();
  for (const device of [first, second]) device.vault.upkeep.every = start;
  await Promise.all([first.vault.sync(), second.vault.sync()]);
  await first.vault.sync();
  const kinds = await kindsAfter(first, start + 1);
  expect(kinds.filter((kind) => kind === 'checkpoint')).toHaveLength(1);
});

test('content that is void is written again before a checkpoint: as it was, or as a tombstone', async () => {
  const { first, second } = await vaultOfTwo();
  await put(first, 'a', 'good');
  await pushVoid(second, 'a');
  await pushVoid(second, 'only-void');
  const start = headOf(second);
  first.vault.upkeep.every = 1;
  expect((await first.vault.sync()).notices.map(({ kind }) => kind)).toEqual(['content_void', 'content_void']);
  expect(await kindsAfter(first, start)).toEqual(['records', 'checkpoint']);
  await second.vault.sync();
  expect(second.engine.view.state.acknowledged?.seq).toBe(start + 2);
  for (const { vault } of [first, second]) {
    expect((await vault.records('memory').get('a'))?.data).toEqual({ text: 'good' });
    expect(await vault.records('memory').history('only-void')).toMatchObject([{ version: 2, isDeleted: true }]);
  }
});

test('content that is void is also written again before an acknowledgement', async () => {
  const { service, first, second } = await vaultOfTwo();
  const third = await pairQuietly(service, first);
  first.vault.upkeep.every = 1;
  await first.vault.sync();
  await pushVoid(third, 'b');
  const start = headOf(third);
  await second.vault.sync();
  expect(await kindsAfter(second, start)).toEqual(['records', 'acknowledge']);
  expect((await second.vault.records('memory').get('b'))?.data).toEqual({ text: 'b2' });
});

test('a device that lacks a key neither makes nor acknowledges a checkpoint', async () => {
  const { first, second } = await vaultOfTwo();
  // An admin makes a key, and gives it to itself only.
  const { state, currentKey } = first.engine.view;
  const members = new Map([...state.members].filter(([id]) => id === first.id));
  const key = await nextEpochKey(state);
  const { body, wraps } = await draftRoster({ ...state, members }, { kind: 'rotate' }, key, currentKey());
  await first.engine.append(async () => ({ kind: 'rotate', body, wraps, key }), first.settings);
  await first.engine.pull(first.settings);
  first.vault.upkeep.every = 1;
  await first.vault.sync();
  const seq = headOf(first);
  second.vault.upkeep.every = 1;
  expect((await second.vault.sync()).notices.map(({ kind }) => kind)).toContain('no_key');
  await second.vault.sync();
  expect(headOf(second)).toBe(seq);
  expect(second.engine.view.state.acknowledged).toBeUndefined();
  expect(await rejectionOf(second.vault.prune({ confirmed: true }))).toMatchObject({ code: 'no_key' });
  // The other admin device ends this state.
  await first.vault.rotate();
  await second.vault.sync();
});

test('a service that fails to prune makes no sync fail, and goes on later', async () => {
  const { service, first, second } = await vaultOfTwo();
  first.vault.upkeep.every = 1;
  service.bundles.faults.next = () => 'before';
  await first.vault.sync();
  for (let at = 0; at < 3; at++) expect(await second.vault.sync()).toMatchObject({ queued: 0 });
  expect(await rejectionOf(second.vault.prune())).toMatchObject({ code: 'unavailable' });
  service.bundles.faults.next = () => undefined;
  await first.vault.sync();
  const { checkpoint, isWaiting } = await second.vault.prune();
  // Nothing was written since, so there is no newer checkpoint to wait for.
  expect(isWaiting).toBe(false);
  expect((await service.bundles.getBundle(first.engine.scope))?.seq).toBe(checkpoint);
});

test('a device with the role data takes part, and the only admin device needs no confirmation then', async () => {
  const service = new InMemoryDeviceService();
  const first = quietDevice(service);
  await first.create();
  const agent = await pairQuietly(service, first, 'data');
  await put(agent, 'a', 'one');
  await put(agent, 'a', 'two');
  expect(await first.vault.prune()).toEqual({ checkpoint: undefined, isWaiting: true });
  // The agent acknowledges, and asks for the pruning itself.
  await agent.vault.sync();
  expect(await agent.vault.prune()).toMatchObject({ checkpoint: expect.any(Number) });
  expect((await service.bundles.getBundle(first.engine.scope))?.seq).toBeGreaterThan(3);
});

test('a device that left, was removed, or whose vault is closed does nothing', async () => {
  const { service, first, second } = await vaultOfTwo();
  const { vault } = first.vault.scope;
  first.vault.upkeep.every = 1;
  await first.vault.sync();
  await first.vault.closeVault({ confirm: vault });
  const seq = headOf(first);
  await second.vault.sync();
  await first.vault.sync();
  expect([headOf(first), headOf(second)]).toEqual([seq, seq]);
  expect(await rejectionOf(first.vault.prune({ confirmed: true }))).toMatchObject({ code: 'vault_closed' });
  expect(await service.bundles.getBundle(first.engine.scope)).toBeUndefined();
});

test('only another member prunes a vault with several devices: a confirmation does not replace it', async () => {
  const { first, second } = await vaultOfTwo();
  const result = await first.vault.prune({ confirmed: true });
  expect(result).toEqual({ checkpoint: undefined, isWaiting: true });
  await second.vault.sync();
  expect((await first.vault.prune({ confirmed: true })).checkpoint).toBeDefined();
});
