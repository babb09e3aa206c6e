/** Pruning at the service in memory: what it deletes, when it refuses, and what an interruption leaves. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { deviceLimits } from '../../contract/devices/limits.ts';
import { encodeAcknowledgement } from '../../core/devices/apply-content.ts';
import { isRosterKind, parseSignedEntry } from '../../core/devices/chain-entry.ts';
import { recordKey, recordsRoot } from '../../core/devices/chain-state.ts';
import type { DeviceVaultEngine } from '../../sdk/src/device/vault-engine.ts';
import { textAt } from '../sdk/device/engine-fixtures.ts';
import { rejectionOf } from '../sdk/fake-fetch.ts';
import type { InMemoryDeviceService } from './in-memory-device-service.ts';
import type { ModelDevice } from './model-device.ts';
import {
  acknowledgedCheckpoint,
  pairQuietly,
  pruneAll,
  push,
  pushAcknowledgement,
  pushCheckpoint,
  put,
  readerOf,
  vaultOfTwo,
} from './pruning-fixtures.ts';

beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** Sequence numbers of the entries that are in the log. */
async function presentIn(service: InMemoryDeviceService, { engine: { scope } }: ModelDevice): Promise<number[]> {
  return (await service.logs.list(scope, 0, 10_000)).entries.map(({ seq }) => seq);
}

/** What a reader has, for comparison. */
async function contentsOf(engine: DeviceVaultEngine) {
  const { state, key } = engine.view;
  const records = state.records.values().toSorted((a, b) => (recordKey(a) < recordKey(b) ? -1 : 1));
  const texts = await Promise.all(records.map(({ id }) => textAt(engine, id)));
  const members = [...state.members.values()].map(({ id, role, since }) => ({ id, role, since }));
  const keys = state.epochs.map((_, at) => key(at + 1)?.umk);
  return { head: state.head, records, texts, members, keys, epochs: state.epochs, genesis: state.genesis };
}

describe('pruning', () => {
  test('keeps roster entries, the newest change of each record, and everything from the checkpoint on', async () => {
    const { service, first, second } = await vaultOfTwo();
    const seq = await acknowledgedCheckpoint(first, second);
    await put(second, 'd', 'later');
    await first.vault.sync();
    const before = service.logs.of(first.engine.scope).length;
    expect(await pruneAll(second, seq)).toBeGreaterThan(4);
    const roster = service.logs.of(first.engine.scope).flatMap((signed, at) => {
      const entry = parseSignedEntry(signed);
      return typeof entry === 'object' && isRosterKind(entry.kind) && at + 1 < seq ? [at + 1] : [];
    });
    const rest = Array.from({ length: before - seq + 1 }, (_, at) => seq + at);
    expect(await presentIn(service, first)).toEqual([...roster, ...rest]);
    expect([...service.bundles.rows.values()].map(({ record }) => record)).toEqual(
      expect.arrayContaining(['memory:a', 'memory:a-b', 'memory:ab', 'memory:b', 'memory:c']),
    );
    expect(service.bundles.rows.size).toBe(5);
    expect(service.bundles.compactions.size).toBe(0);
    const [expected, fresh] = [await contentsOf(first.engine), await readerOf(service, first, 0)];
    await fresh.pull(first.settings);
    expect(await contentsOf(fresh)).toEqual(expected);
  });

  test('again and again leaves one row for each record, and a reader from before any of them goes on', async () => {
    const { service, first, second } = await vaultOfTwo();
    const { seq: start } = first.engine.view.state.head;
    for (let round = 0; round < 4; round++) {
      const old = await readerOf(service, first, 0);
      await old.pull(first.settings);
      for (const id of ['a', 'new']) await put(first, id, `${id} in round ${round}`);
      await first.vault.records('memory').delete('b');
      const seq = await acknowledgedCheckpoint(round % 2 === 0 ? first : second, round % 2 === 0 ? second : first);
      await pruneAll(second, seq);
      await first.vault.sync();
      const late = await readerOf(service, first, 0);
      for (const reader of [old, late]) {
        await reader.pull(first.settings);
        expect(await contentsOf(reader)).toEqual(await contentsOf(first.engine));
      }
    }
    expect(first.engine.view.state.head.seq).toBeGreaterThan(start + 10);
    expect(service.bundles.rows.size).toBe(6);
  });

  test('that is repeated after it is done changes nothing, and an older checkpoint counts as done', async () => {
    const { service, first, second } = await vaultOfTwo();
    const one = await acknowledgedCheckpoint(first, second);
    await put(first, 'a', 'more');
    const two = await acknowledgedCheckpoint(first, second);
    await pruneAll(second, two);
    const there = await presentIn(service, first);
    for (const seq of [one, two])
      expect(await first.engine.requests.prune(seq, first.settings)).toEqual({ checkpoint: two, done: true, step: 0 });
    expect(await presentIn(service, first)).toEqual(there);
  });

  test('of a full log makes room', async () => {
    const { service, first, second } = await vaultOfTwo();
    const fillTo = (logBytes: number) => {
      for (const [id, roster] of service.rosters.rosters) service.rosters.rosters.set(id, { ...roster, logBytes });
    };
    const full = { code: 'device_vault_full' };
    fillTo(deviceLimits.deviceLogBytes + deviceLimits.pruningReserveBytes);
    expect(await rejectionOf(pushCheckpoint(first))).toMatchObject(full);
    fillTo(deviceLimits.deviceLogBytes);
    expect(await rejectionOf(put(first, 'd', 'x'))).toMatchObject(full);
    expect(await rejectionOf(push(first, 'checkpoint', new Uint8Array(2_000)))).toMatchObject(full);
    const seq = await acknowledgedCheckpoint(first, second);
    await pruneAll(second, seq);
    await first.vault.sync();
    expect(await first.vault.records('memory').get('d')).toMatchObject({ state: 'synced' });
    const { appendedBytes, keptBytes } = (await service.bundles.getBundle(first.engine.scope)) ?? expect.fail();
    const all = service.logs.of(first.engine.scope).slice(0, seq - 1);
    expect(appendedBytes).toBe(all.reduce((sum, signed) => sum + signed.length, 0));
    const rows = [...service.bundles.rows.values()].reduce((sum, { change }) => sum + change.length, 0);
    expect(keptBytes).toBeGreaterThan(rows);
    expect(keptBytes).toBeLessThan(appendedBytes);
  });

  test('is the same from two devices at once', async () => {
    const { service, first, second } = await vaultOfTwo();
    const seq = await acknowledgedCheckpoint(first, second);
    await Promise.all([pruneAll(first, seq), pruneAll(second, seq), pruneAll(first, seq)]);
    const fresh = await readerOf(service, first, 0);
    await fresh.pull(first.settings);
    expect(await contentsOf(fresh)).toEqual(await contentsOf(second.engine));
    expect(service.bundles.rows.size).toBe(5);
  });
});

describe('an interruption at any write', () => {
  test.each([
    ['the first', false],
    ['a later', true],
  ])('of %s pruning leaves a vault that all devices read, and it goes on', { timeout: 300_000 }, async (_, isLater) => {
    const { service, first, second } = await vaultOfTwo();
    const late = first.engine.view.state.head.seq - 2;
    if (isLater) await pruneAll(second, await acknowledgedCheckpoint(first, second));
    for (const id of ['a', 'b', 'z', 'a', 'y', 'z', 'x', 'z']) await put(first, id, `more ${id}`);
    const seq = await acknowledgedCheckpoint(second, first);
    await put(first, 'z', 'after');
    await second.vault.sync();
    const expected = await contentsOf(first.engine);
    const faults = faultsOf(service);
    const putBack = copyOf(service);
    const writes = await faults.count(() => pruneAll(first, seq));
    expect(writes).toBeGreaterThan(20);
    putBack();
    // They have read a part of the log, and are behind the checkpoint.
    const upTo = isLater ? 0 : late;
    const lateReaders = await Promise.all(Array.from({ length: writes }, () => readerOf(service, first, upTo)));
    const bundles = new Set<number | undefined>();
    const reads = async (reader: DeviceVaultEngine) => {
      await reader.pull(first.settings);
      expect(await contentsOf(reader)).toEqual(expected);
    };
    for (const [at, when] of Array.from({ length: 2 * writes }, (_unused, n) => [n >> 1, n % 2] as const)) {
      putBack();
      await faults.at(at, when === 0 ? 'before' : 'after', async () => {
        expect(await rejectionOf(pruneAll(second, seq)), `write ${at}`).toMatchObject({ code: 'unavailable' });
      });
      bundles.add((await service.bundles.getBundle(first.engine.scope))?.seq);
      await reads(await readerOf(service, first, 0));
      if (when === 1) await reads(lateReaders[at] ?? expect.fail());
      await pruneAll(second, seq);
      await reads(await readerOf(service, first, 0));
      expect((await service.bundles.getBundle(first.engine.scope))?.seq).toBe(seq);
      expect(service.bundles.compactions.size).toBe(0);
    }
    // It was interrupted before and after the bundle was there.
    expect(bundles.size).toBe(2);
  });
});

/** Faults of the stores that pruning writes. */
function faultsOf({ bundles, logs }: InMemoryDeviceService) {
  const stores = [bundles.faults, logs.faults];
  const during = async (next: () => 'before' | 'after' | undefined, run: () => Promise<unknown>) => {
    for (const store of stores) store.next = next;
    await run();
    for (const store of stores) store.next = () => undefined;
  };
  return {
    /** The number of writes. */
    count: async (run: () => Promise<unknown>) => {
      let writes = 0;
      await during(() => {
        writes++;
        return undefined;
      }, run);
      return writes;
    },
    /** One write fails. */
    at: async (write: number, when: 'before' | 'after', run: () => Promise<unknown>) => {
      let writes = 0;
      await during(() => (writes++ === write ? when : undefined), run);
    },
  };
}

/** @returns puts everything back as it is now */
function copyOf({ logs, bundles }: InMemoryDeviceService): () => void {
  const maps: Map<unknown, unknown>[] = [bundles.bundles, bundles.compactions, bundles.hashes, bundles.rows];
  const contents = maps.map((map) => [...map]);
  const pruned = [...logs.pruned];
  return () => {
    for (const [at, map] of maps.entries()) {
      map.clear();
      for (const [key, value] of contents[at] ?? []) map.set(key, value);
    }
    logs.pruned.clear();
    for (const id of pruned) logs.pruned.add(id);
  };
}

describe('the service does not prune', () => {
  const refusedAt = async (device: ModelDevice, seq: number) =>
    expect(await rejectionOf(pruneAll(device, seq))).toMatchObject({ code: 'prune_refused' });

  test('to a checkpoint that is not acknowledged, has no effect, or is none', async () => {
    const { service, first, second } = await vaultOfTwo();
    const there = await presentIn(service, first);
    await refusedAt(second, 1);
    await refusedAt(second, 9_999);
    const seq = await pushCheckpoint(first);
    await refusedAt(first, seq);
    await refusedAt(second, seq);
    // Its maker acknowledges it, and nobody else: void.
    await pushAcknowledgement(first);
    await refusedAt(first, seq);
    expect((await presentIn(service, first)).slice(0, there.length)).toEqual(there);
    await pushAcknowledgement(second);
    await pruneAll(first, seq);
  });

  test('what two members agree on that is not so: a checkpoint without a record, or with an older version', async () => {
    const { service, first, second } = await vaultOfTwo();
    const { state } = first.engine.view;
    const heads = state.records.values();
    const without = { records: await recordsRoot(heads.filter(({ id }) => id !== 'a')) };
    const older = {
      records: await recordsRoot(heads.map((head) => (head.id === 'a' ? { ...head, version: 1 } : head))),
    };
    for (const changed of [without, older, { entries: state.genesis }, { roster: state.genesis }]) {
      const seq = await pushCheckpoint(first, changed);
      // Both break the rules. The entry is void for all others.
      await push(second, 'acknowledge', encodeAcknowledgement(first.engine.view.state.head));
      await refusedAt(second, seq);
      expect(second.engine.view.state.acknowledged).toBeUndefined();
    }
    expect(await presentIn(service, first)).toHaveLength(service.logs.of(first.engine.scope).length);
    const reader = await readerOf(service, second, 0);
    await reader.pull(second.settings);
    expect(await textAt(reader, 'a')).toContain('after the removal');
  });

  test('to a checkpoint with another one before its acknowledgement', async () => {
    const { first, second } = await vaultOfTwo();
    const one = await pushCheckpoint(first);
    const two = await pushCheckpoint(first);
    await pushAcknowledgement(second);
    await refusedAt(second, one);
    await pruneAll(second, two);
  });

  test('for a removed device, and for the recovery member', async () => {
    const { service, first, second, third } = await vaultOfTwo();
    const seq = await acknowledgedCheckpoint(first, second);
    const asked = third.engine.requests.prune(seq, third.settings);
    expect(await rejectionOf(asked)).toMatchObject({ code: 'device_refused' });
    expect(await presentIn(service, first)).toHaveLength(service.logs.of(first.engine.scope).length);
  });

  test('for a device with the role data: it does, since it can name an acknowledged checkpoint only', async () => {
    const { service, first, second } = await vaultOfTwo();
    const agent = await pairQuietly(service, first, 'data');
    await pruneAll(agent, await acknowledgedCheckpoint(second, agent));
  });

  test('while a pairing is open', async () => {
    const { service, first, second } = await vaultOfTwo();
    const seq = await acknowledgedCheckpoint(first, second);
    const expiresAt = new Date(Date.now() + 60_000).toISOString();
    await service.pairings.create(first.engine.scope, { pairing: 'p'.repeat(16), expiresAt, messages: {} });
    await refusedAt(first, seq);
    expect(await service.bundles.getBundle(first.engine.scope)).toBeUndefined();
    service.pairings.pairings.clear();
    await pruneAll(first, seq);
  });

  test('a log whose entries are missing, or were changed in the table', async () => {
    const { service, first, second } = await vaultOfTwo();
    const seq = await acknowledgedCheckpoint(first, second);
    const log = service.logs.of(first.engine.scope);
    const [fifth, sixth] = [log[4] ?? expect.fail(), log[5] ?? expect.fail()];
    log[4] = sixth;
    await refusedAt(first, seq);
    log[4] = fifth;
    await service.logs.deleteEntry(first.engine.scope, 5);
    await refusedAt(first, seq);
    service.logs.pruned.clear();
    await pruneAll(first, seq);
  });
});

test('an entry that was pruned is not taken back, and one that the log lost is', async () => {
  const { service, first, second } = await vaultOfTwo();
  const seq = await acknowledgedCheckpoint(first, second);
  await pruneAll(second, seq);
  const entry = Buffer.from(service.logs.of(first.engine.scope)[seq - 2] ?? expect.fail()).toString('base64');
  const sent = first.engine.requests.append({ entry }, seq - 1, first.settings);
  expect(await rejectionOf(sent)).toMatchObject({ code: 'log_conflict' });
  expect(await first.vault.restoreLog()).toBe(0);
  await push(first, 'heartbeat', new Uint8Array(0));
});
