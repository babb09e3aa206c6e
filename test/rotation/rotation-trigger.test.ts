/** Automatic rotations: by the age of a DEK, and by the number of values encrypted with it. */
import { describe, expect, test } from 'vitest';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { type RotationThresholds, RotationTrigger } from '../../lambdas/rotation/rotation-trigger.ts';
import { createInMemoryVault } from '../shared/in-memory-stores.ts';

async function dueVault(settings: RotationThresholds, fail = false) {
  const vault = createInMemoryVault();
  await vault.set('a', 'x');
  const started: string[] = [];
  let counted = 0;
  let counts = 0;
  const due = new RotationTrigger(
    settings,
    () => ({
      start: async (name) => {
        if (fail) throw new VaultError('unavailable');
        started.push(name);
      },
    }),
    () => ({
      add: async (_org, _version, messages) => {
        counts++;
        counted += messages;
        return counted;
      },
    }),
    () => vault.time.now,
  );
  const seal = async () => await due.recordEncryption(await vault.keys());
  return { vault, started, seal, counts: () => counts, name: `${vault.caller.org}-1` };
}

describe('a rotation is due', () => {
  test('by the first write after so many days, and not before', async () => {
    const { vault, started, seal, name } = await dueVault({ days: 30, messages: 0 });
    vault.time.now = new Date('2026-07-01T11:59:59.999Z');
    await seal();
    expect(started).toEqual([]);
    vault.time.now = new Date('2026-07-01T12:00:00.000Z');
    await seal();
    await seal();
    expect(started).toEqual([name]);
  });

  test('after about so many sealed values, which are counted in about a hundred writes', async () => {
    const { started, seal, counts } = await dueVault({ days: 0, messages: 5000 });
    let sealed = 0;
    while (started.length === 0) {
      await seal();
      sealed++;
    }
    expect(sealed).toBeGreaterThan(2500);
    expect(sealed).toBeLessThan(10_000);
    expect(counts()).toBe(100);
  });

  test('exactly, where the number is small', async () => {
    const { started, seal } = await dueVault({ days: 0, messages: 7 });
    for (let n = 1; n <= 6; n++) await seal();
    expect(started).toEqual([]);
    await seal();
    expect(started).toHaveLength(1);
  });

  test('never by default, and then nothing is counted', async () => {
    const { vault, started, seal, counts } = await dueVault({ days: 0, messages: 0 });
    vault.time.now = new Date('2099-01-01T00:00:00.000Z');
    for (let n = 0; n < 200; n++) await seal();
    expect([started.length, counts()]).toEqual([0, 0]);
  });

  test('and can not be started: the write that noticed it succeeds all the same', async () => {
    const { seal } = await dueVault({ days: 0, messages: 1 }, true);
    await expect(seal()).resolves.toBeUndefined();
  });
});
