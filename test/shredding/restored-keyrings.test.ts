/**
 * An attacker who can write the keyring table puts earlier keyrings and tombstones back. What the mark of the org
 * states stays true.
 */
import { describe, expect, test } from 'vitest';
import type { TableBackups } from '../../lambdas/shredding/shred-ports.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { createInMemoryShredding } from './in-memory-shredding.ts';

const withBackup: TableBackups = {
  backups: [{ arn: 'arn', type: 'USER', createdAt: '2026-05-01T00:00:00.000Z' }],
  complete: true,
  pointInTimeRecovery: 'DISABLED',
};

describe('an earlier keyring', () => {
  test('put back during the waiting period does not stop the shredding', async () => {
    const { world, request, stored, runWorkflows, markOf } = createInMemoryShredding();
    const before = structuredClone(world.record);
    await request(7);
    expect(markOf().lock).toBeDefined();
    world.record = before;
    expect(await runWorkflows()).toEqual([{ result: 'final' }]);
    expect(stored()).toMatchObject({ state: 'shredded', destroyed: [{ version: 1 }] });
    expect(markOf().state).toBe('shredded');
  });

  test('put back before a shredding at once is shredded, and its receipt does not claim that there never was a DEK', async () => {
    const { world, request, replace, nextKeyring, said, verify } = createInMemoryShredding();
    replace(nextKeyring());
    const withDek = structuredClone(world.record);
    await request(7);
    world.copies = withBackup;
    world.record = { ...withDek };
    const { receipts, final } = await request();
    expect(final).toBe(false);
    expect(said(receipts.at(-1) ?? '')?.copies.backups).toEqual([expect.objectContaining({ relevant: true })]);
    expect(await verify()).toMatchObject({ state: 'shredded' });
  });

  test('put back after the shredding is refused as shredded', async () => {
    const { world, request, verify } = createInMemoryShredding();
    const before = structuredClone(world.record);
    await request();
    world.record = before;
    expect(await errorCodeOf(verify())).toBe('org_shredded');
  });

  test('with the lock, put back after the cancellation, is refused and shreds nothing', async () => {
    const { world, shredding, caller, request, verify, runWorkflows } = createInMemoryShredding();
    await request(7);
    const locked = structuredClone(world.record);
    await shredding.cancel(caller.org);
    world.record = locked;
    expect(await errorCodeOf(verify())).toBe('decryption_failed');
    expect(await runWorkflows()).toEqual([{ result: 'cancelled' }]);
  });
});

describe('an earlier tombstone', () => {
  test('is refused, so no receipt gets a number that was issued', async () => {
    const { world, request, receipts, caller } = createInMemoryShredding();
    world.copies = withBackup;
    await request();
    const first = structuredClone(world.record);
    await receipts.issue(caller.org);
    world.record = first;
    expect(await errorCodeOf(receipts.issue(caller.org))).toBe('org_shredded');
    expect(await errorCodeOf(request())).toBe('org_shredded');
  });
});

describe('a change that was stored in the table but not in the mark', () => {
  /** Fails every call from the one on that writes the mark. */
  const interruptAtMark = async (vault: ReturnType<typeof createInMemoryShredding>, run: () => Promise<unknown>) => {
    const { world } = vault;
    const before = vault.stored().generation;
    world.fate = () => (vault.stored().generation > before ? 'before' : 'done');
    expect(await errorCodeOf(run())).toBe('unavailable');
    world.fate = () => 'done';
    expect(vault.markOf().generation).toBeLessThan(vault.stored().generation);
  };

  test('a lock is completed by a retry', async () => {
    const vault = createInMemoryShredding();
    await interruptAtMark(vault, () => vault.request(7));
    await vault.request(7);
    expect(vault.markOf()).toMatchObject({ generation: vault.stored().generation, lock: expect.anything() });
  });

  test('a cancellation is completed by a retry, and the workflow does not shred what was canceled', async () => {
    const vault = createInMemoryShredding();
    await vault.request(7);
    await interruptAtMark(vault, () => vault.shredding.cancel(vault.caller.org));
    expect(await vault.runWorkflows()).toEqual([{ result: 'cancelled' }]);
    expect(await vault.shredding.cancel(vault.caller.org)).toMatchObject({ state: 'active' });
    expect(vault.markOf()).not.toHaveProperty('lock');
    expect(await errorCodeOf(vault.shredding.cancel(vault.caller.org))).toBe('no_shred_pending');
  });

  test('a shredding is completed by its workflow', async () => {
    const vault = createInMemoryShredding();
    await interruptAtMark(vault, () => vault.request());
    expect(await errorCodeOf(vault.request())).toBe('no error');
    expect(vault.markOf()).toMatchObject({ state: 'shredded', issued: 1 });
  });
});
