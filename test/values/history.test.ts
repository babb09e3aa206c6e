/** Races and crashes of writes, deletions and destructions that touch history slots. */
import { describe, expect, test } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import type { Keyring } from '../../core/org-keys/org-keyring.ts';
import { historySlots, parseSlotKey } from '../../core/values/history-slots.ts';
import type { ReadValue } from '../../lambdas/shared/ports.ts';
import { ValueDestructionService } from '../../lambdas/shredding/value-destruction-service.ts';
import { ValueDeleter } from '../../lambdas/values/value-deleter.ts';
import type { ValueStores } from '../../lambdas/values/value-ports.ts';
import { ValueWriter } from '../../lambdas/values/value-writer.ts';
import {
  CallFaults,
  callFates,
  createRotatableVault,
  versionsIn,
  withCallFaults,
} from '../rotation/in-memory-rotation.ts';
import { createInMemoryVault, errorCodeOf } from '../shared/in-memory-stores.ts';

type Vault = ReturnType<typeof createInMemoryVault>;

const slotsOf = (vault: Vault) => [...vault.stores.items.keys()].filter((key) => parseSlotKey(key) !== undefined);
const listed = async (vault: Vault, name: string) =>
  (await vault.versions(name)).versions.map(({ version }) => version);
const setMany = async (vault: Vault, name: string, count: number) => {
  // Fixed write IDs with different hints, so that the number of calls does not vary.
  for (let n = 1; n <= count; n++) await vault.set(name, `v${n}`, { writeId: `fixed-write-id-${n}` });
};

const withFaults = (stores: ValueStores, calls: CallFaults): ValueStores => ({
  values: withCallFaults(stores.values, calls),
  history: withCallFaults(stores.history, calls),
});

/** The operations on a value, by stores whose calls can fail. */
function operations(vault: Vault, calls: CallFaults) {
  const stores = withFaults(vault.stores, calls);
  const clock = () => vault.time.now;
  const { org } = vault.caller;
  const snapshot = async (name: string) => ({ keys: await vault.keys(), stored: vault.stores.items.get(name) });
  const findBackups = async () => ({ backups: [], complete: true, pointInTimeRecovery: 'DISABLED' as const });
  const destroying = new ValueDestructionService(
    stores,
    findBackups,
    { sign: async (payload) => JSON.stringify(payload) },
    clock,
  );
  return {
    set: async (name: string, value: string, writeId?: string) =>
      await new ValueWriter(stores, clock).set(await snapshot(name), snapshot, name, { value, writeId }),
    delete: async (name: string) =>
      await new ValueDeleter(stores).delete(
        org,
        vault.stores.items.get(name),
        async () => vault.stores.items.get(name),
        name,
        undefined,
      ),
    destroy: async (name: string) =>
      await destroying.destroy(vault.caller, (await vault.keys()).keyring as Keyring, name, name),
  };
}

test('as many versions are kept as the API promises', () => {
  expect(historySlots + 1).toBe(limits.versionsKept);
});

describe('a set that ends at any call', () => {
  const writeId = 'interrupted-0123456789';

  test('leaves the value as it was or as it is to be, lists each version once, and can be repeated', async () => {
    for (const before of [1, 2, 10, 13]) {
      for (let call = 1; call <= 3; call++) {
        for (const fate of callFates) {
          const vault = createInMemoryVault();
          await setMany(vault, 'a', before);
          const what = `${before} versions, call ${call} ${fate}`;
          await operations(vault, new CallFaults([[call, fate]]))
            .set('a', 'next', writeId)
            .catch(() => undefined);
          const { version, value } = await vault.get('a');
          expect([`${before} v${before}`, `${before + 1} next`], what).toContain(`${version} ${value}`);
          const versions = await listed(vault, 'a');
          expect(versions, what).toEqual([...new Set(versions)].sort((a, b) => b - a));
          expect(versions[0], what).toBe(version);
          expect(versions.length, what).toBeLessThanOrEqual(10);
          expect(versions.length, what).toBeGreaterThanOrEqual(Math.min(before, 9));

          expect(await vault.set('a', 'next', { writeId }), what).toMatchObject({ version: before + 1 });
          expect(await listed(vault, 'a'), what).toHaveLength(Math.min(before + 1, 10));
          for (let n = Math.max(1, before - 8); n <= before; n++)
            expect((await vault.get('a', n)).value, what).toBe(`v${n}`);
        }
      }
    }
  });
});

describe('a set that stalls', () => {
  const stallAt = async (hook: 'beforeSlotPut' | 'beforePut', end: (vault: Vault) => Promise<unknown>) => {
    const vault = createInMemoryVault();
    await setMany(vault, 'a', 3);
    vault.stores[hook] = async () => void (await end(vault));
    return { vault, result: await vault.set('a', 'late').then(({ version }) => version) };
  };

  test.each(['beforeSlotPut', 'beforePut'] as const)(
    'at %s until the value was deleted stores a new value, and leaves nothing of the old one',
    async (hook) => {
      const { vault, result } = await stallAt(hook, (v) => v.delete('a'));
      expect(result).toBe(1);
      expect(slotsOf(vault)).toEqual([]);
      expect(await listed(vault, 'a')).toEqual([1]);
    },
  );

  test.each(['beforeSlotPut', 'beforePut'] as const)(
    'at %s until the value was deleted, with an expected version, is refused and leaves nothing',
    async (hook) => {
      const vault = createInMemoryVault();
      await setMany(vault, 'a', 3);
      vault.stores[hook] = async () => void (await vault.delete('a'));
      expect(await errorCodeOf(vault.set('a', 'late', { ifVersion: 3 }))).toBe('version_conflict');
      expect([...vault.stores.items.keys()]).toEqual([]);
    },
  );

  test('until the value was deleted and set again goes on from the new value, without versions of the old', async () => {
    const { vault, result } = await stallAt('beforePut', async (v) => {
      await v.delete('a');
      await v.set('a', 'other life');
      await v.set('a', 'other life 2');
    });
    expect(result).toBe(3);
    expect(await listed(vault, 'a')).toEqual([3, 2, 1]);
    expect((await vault.get('a', 1)).value).toBe('other life');
    expect(slotsOf(vault)).toEqual(['#h/a#1', '#h/a#2']);
  });

  test('until nine others were stored does not put its old version over a newer one', async () => {
    const { vault, result } = await stallAt('beforeSlotPut', async (v) => {
      for (let n = 4; n <= 13; n++) await v.set('a', `v${n}`);
    });
    expect(result).toBe(14);
    expect(await listed(vault, 'a')).toEqual([14, 13, 12, 11, 10, 9, 8, 7, 6, 5]);
    for (let n = 5; n <= 13; n++) expect((await vault.get('a', n)).value).toBe(`v${n}`);
  });

  test('and is killed after its put of the slot leaves a copy that no read returns and the next deletion removes', async () => {
    const vault = createInMemoryVault();
    await setMany(vault, 'a', 3);
    vault.stores.beforeSlotPut = async () => void (await vault.delete('a'));
    await operations(vault, new CallFaults([[1, 'killed-after']]))
      .set('a', 'late', 'fixed-write-id-late')
      .catch(() => undefined);
    expect(slotsOf(vault)).toEqual(['#h/a#3']);
    expect(await errorCodeOf(vault.get('a'))).toBe('value_not_found');
    expect(await errorCodeOf(vault.get('a', 3))).toBe('value_not_found');
    expect(await vault.list()).toEqual({ values: [] });
    await setMany(vault, 'a', 4);
    expect(await listed(vault, 'a')).toEqual([4, 3, 2, 1]);
    expect((await vault.get('a', 3)).value).toBe('v3');
    await vault.delete('a');
    expect([...vault.stores.items.keys()]).toEqual([]);
  });
});

describe('a deletion or destruction that ends at any call', () => {
  test.each(['delete', 'destroy'] as const)(
    '%s frees the name or changes nothing, and is completed when repeated',
    async (operation) => {
      for (let call = 1; call <= 8; call++) {
        for (const fate of callFates) {
          const vault = createInMemoryVault();
          await setMany(vault, 'a', 4);
          await setMany(vault, 'b', 2);
          const what = `call ${call} ${fate}`;
          await operations(vault, new CallFaults([[call, fate]]))
            [operation]('a')
            .catch(() => undefined);
          const code = await errorCodeOf(vault.get('a'));
          expect(['no error', 'value_not_found'], what).toContain(code);
          expect(await errorCodeOf(vault.get('a', 2)), what).toBe(code);
          await operations(vault, new CallFaults())[operation]('a');
          expect([...vault.stores.items.keys()].sort(), what).toEqual(['#h/b#1', 'b']);
          await vault.set('a', 'again');
          expect(await listed(vault, 'a'), what).toEqual([1]);
        }
      }
    },
  );

  test('slots that an earlier deletion left are destroyed with a receipt that names them', async () => {
    const vault = createInMemoryVault();
    await setMany(vault, 'a', 3);
    vault.stores.items.delete('a');
    const { destroyed, receipt = '' } = await operations(vault, new CallFaults()).destroy('a');
    expect(destroyed).toBe(true);
    expect(JSON.parse(receipt)).toMatchObject({ versions: [{ version: 2 }, { version: 1 }] });
    expect(vault.stores.items.size).toBe(0);
    expect(await operations(vault, new CallFaults()).destroy('a')).toEqual({ destroyed: false });
  });

  test('a receipt says until when a write that was in progress may have put a copy back', async () => {
    const vault = createInMemoryVault();
    await setMany(vault, 'a', 2);
    const { receipt = '' } = await operations(vault, new CallFaults()).destroy('a');
    const { destroyedAt, inFlightUntil } = JSON.parse(receipt);
    expect(Date.parse(inFlightUntil) - Date.parse(destroyedAt)).toBe(35_000);
  });
});

describe('slots that belong to no value', () => {
  test('of a life that a fast clock drew do not block the writes of a later one', async () => {
    const vault = createInMemoryVault();
    vault.time.now = new Date('2026-06-01T12:00:01.000Z');
    await setMany(vault, 'a', 3);
    vault.stores.items.delete('a');
    vault.time.now = new Date('2026-06-01T12:00:00.000Z');
    await setMany(vault, 'a', 4);
    expect(await listed(vault, 'a')).toEqual([4, 3, 2, 1]);
    for (let n = 1; n <= 4; n++) expect((await vault.get('a', n)).value).toBe(`v${n}`);
  });

  test('of versions after an older item that was put back do not block its writes', async () => {
    const vault = createInMemoryVault();
    await setMany(vault, 'a', 2);
    const old = vault.stores.stored('a');
    for (let n = 3; n <= 13; n++) await vault.set('a', `v${n}`);
    vault.stores.items.set('a', old);
    expect((await vault.get('a')).value).toBe('v2');
    expect(await listed(vault, 'a')).toEqual([2]);
    for (let n = 3; n <= 8; n++) expect(await vault.set('a', `restored ${n}`)).toMatchObject({ version: n });
    for (let n = 3; n <= 8; n++) expect((await vault.get('a', n)).value).toBe(`restored ${n}`);
  });

  test('are removed by a rotation, and those of stored values are not', async () => {
    const vault = createRotatableVault();
    await setMany(vault, 'gone', 4);
    await setMany(vault, 'again', 5);
    await setMany(vault, 'kept', 3);
    vault.stores.items.delete('gone');
    vault.stores.items.delete('again');
    vault.time.now = new Date('2026-06-01T12:00:09.000Z');
    await setMany(vault, 'again', 2);
    await vault.start();
    await vault.finish();
    expect(slotsOf(vault)).toEqual(['#h/again#1', '#h/kept#1', '#h/kept#2']);
    expect(versionsIn(vault.stores.items.values())).toEqual(new Set([2]));
    expect((await vault.latest()).rotation).toMatchObject({ state: 'done', damaged: 0 });
    expect((await vault.get('again', 1)).value).toBe('v1');
  });
});

describe('damaged items', () => {
  const damagedItem: ReadValue = { malformed: true, attributes: { life: { N: '1' } } };
  const bad = (sealed: string) => `${sealed.slice(0, -8)}AAAA${sealed.slice(-4)}`;

  test('in a slot are named by their version, stop no other version, and give way to the next write', async () => {
    const vault = createInMemoryVault();
    await setMany(vault, 'a', 12);
    vault.stores.items.set('#h/a#5', damagedItem);
    const seventh = vault.stores.stored('#h/a#7');
    vault.stores.items.set('#h/a#7', { ...seventh, info: bad(seventh.info) });
    const { versions, damaged } = await vault.versions('a');
    expect(versions.map(({ version }) => version)).toEqual([12, 11, 10, 9, 8, 6, 4, 3]);
    expect(damaged).toEqual([7, 5]);
    expect(await errorCodeOf(vault.get('a', 5))).toBe('decryption_failed');
    expect(await errorCodeOf(vault.get('a', 7))).toBe('decryption_failed');
    for (let n = 13; n <= 18; n++) await vault.set('a', `v${n}`);
    expect(await vault.versions('a')).not.toHaveProperty('damaged');
    expect((await vault.get('a', 14)).value).toBe('v14');
  });

  test('under a name are replaced by a new life, without the history of the old', async () => {
    for (const damage of [() => damagedItem, (stored: ReadValue) => ({ ...stored, info: 'enc:v1:' }) as ReadValue]) {
      const vault = createInMemoryVault();
      await setMany(vault, 'a', 3);
      vault.stores.items.set('a', damage(vault.stores.stored('a')));
      expect(await errorCodeOf(vault.set('a', 'x', { ifVersion: 0 }))).toBe('decryption_failed');
      expect(await vault.set('a', 'x')).toMatchObject({ version: 1 });
      expect(await listed(vault, 'a')).toEqual([1]);
    }
  });

  test('are not replaced when they change before the write', async () => {
    const vault = createInMemoryVault();
    await setMany(vault, 'a', 2);
    const repaired = vault.stores.stored('a');
    vault.stores.items.set('a', damagedItem);
    vault.stores.beforePut = async () => void vault.stores.items.set('a', repaired);
    expect(await vault.set('a', 'next')).toMatchObject({ version: 3 });
    expect(await listed(vault, 'a')).toEqual([3, 2, 1]);
  });

  test('whose value alone cannot be decrypted are not kept by a write after a rotation, and stop nothing', async () => {
    const vault = createRotatableVault();
    await setMany(vault, 'a', 2);
    const stored = vault.stores.stored('a');
    vault.stores.items.set('a', { ...stored, value: bad(stored.value) });
    await vault.start();
    expect(await vault.set('a', 'next')).toMatchObject({ version: 3 });
    expect(await listed(vault, 'a')).toEqual([3, 1]);
    await vault.finish();
    expect((await vault.latest()).rotation).toMatchObject({ state: 'done', damaged: 0 });
    expect(versionsIn(vault.stores.items.values())).toEqual(new Set([2]));
  });
});

describe('deleting one earlier version', () => {
  test('removes that version and no other, and a repetition finds nothing', async () => {
    const vault = createInMemoryVault();
    await setMany(vault, 'a', 12);
    expect(await vault.deleteVersion('a', 7)).toEqual({ deleted: true });
    expect(await listed(vault, 'a')).toEqual([12, 11, 10, 9, 8, 6, 5, 4, 3]);
    expect(await errorCodeOf(vault.get('a', 7))).toBe('version_not_found');
    expect((await vault.get('a', 6)).value).toBe('v6');
    expect(await vault.deleteVersion('a', 7)).toEqual({ deleted: false });
  });

  test('of the current version, of one that is not kept or not there yet, is refused or changes nothing', async () => {
    const vault = createInMemoryVault();
    await setMany(vault, 'a', 12);
    expect(await errorCodeOf(vault.deleteVersion('a', 12))).toBe('invalid_request');
    for (const version of [2, 13]) expect(await vault.deleteVersion('a', version)).toEqual({ deleted: false });
    expect(await errorCodeOf(vault.deleteVersion('a', 7, 11))).toBe('version_conflict');
    expect(await vault.deleteVersion('missing', 1)).toEqual({ deleted: false });
    expect((await listed(vault, 'a')).length).toBe(10);
  });

  test('does not touch the slot of an earlier life of the name', async () => {
    const vault = createInMemoryVault();
    await setMany(vault, 'a', 3);
    const slots = structuredClone([...vault.stores.items].filter(([key]) => parseSlotKey(key) !== undefined));
    await vault.delete('a');
    await setMany(vault, 'a', 3);
    for (const [key, old] of slots) vault.stores.items.set(key, old);
    expect(await vault.deleteVersion('a', 1)).toEqual({ deleted: false });
  });

  test('the versions after it go on as before', async () => {
    const vault = createInMemoryVault();
    await setMany(vault, 'a', 5);
    await vault.deleteVersion('a', 4);
    await vault.set('a', 'v6');
    expect(await listed(vault, 'a')).toEqual([6, 5, 3, 2, 1]);
  });
});
