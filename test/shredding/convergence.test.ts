/** Failures between any two calls, and concurrent changes of the keyring at any time, all lead to the same state. */
import { describe, expect, test } from 'vitest';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { newOrgMark } from '../../core/records/org-mark.ts';
import { type CallOutcome, createInMemoryShredding, noCopies } from './in-memory-shredding.ts';

/** Repeats a request until there is a response, like a client. */
async function untilAnswered<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof VaultError && error.code === 'unavailable')) throw error;
    }
  }
  return expect.fail('never answered');
}

const failedCalls = Array.from({ length: 40 }, (_, n) => n + 1);
const fates: CallOutcome[] = ['before', 'after'];
const cases = failedCalls.flatMap((call) => fates.map((fate) => [call, fate] as const));

describe('shredding at once', () => {
  test.each(cases)(
    'call %i that fails %s its work: repeated, it is shredded with a final receipt that verifies',
    async (n, fate) => {
      const { world, request, stored, said, runWorkflows } = createInMemoryShredding();
      world.fate = (call) => (call === n ? fate : 'done');
      const answer = await untilAnswered(() => request());
      expect(answer).toMatchObject({ state: 'shredded', final: true });
      expect(said(answer.receipts.at(-1) ?? '')).toMatchObject({ final: true, deks: [{ version: 1 }] });
      const tombstone = stored();
      expect(tombstone.state).toBe('shredded');
      // The background workflow has nothing left to do.
      await runWorkflows();
      expect(stored()).toEqual(tombstone);
      expect(answer.receipts).toEqual(tombstone.state === 'shredded' ? tombstone.receipts : []);
    },
  );

  test('interrupted for good after the keys are gone, the workflow issues the receipt', async () => {
    const { world, request, stored, runWorkflows } = createInMemoryShredding();
    // The keyring, the mark, the tombstone, the start of the workflow, and the next mark in three calls.
    world.fate = (call) => (call > 7 ? 'before' : 'done');
    await expect(request()).rejects.toMatchObject({ code: 'unavailable', extras: { detail: /keys are destroyed/ } });
    expect(stored()).toMatchObject({ state: 'shredded', receipts: [] });
    world.fate = () => 'done';
    expect(await runWorkflows()).toEqual([{ result: 'final' }]);
    expect(stored()).toMatchObject({ final: true, receipts: [expect.any(String)] });
  });

  describe.each([4, 5, 6, 7])(
    'interrupted at call %i, when the tombstone is stored but not its mark',
    (interrupted) => {
      const interrupt = async () => {
        const shred = createInMemoryShredding();
        shred.world.fate = (call) => (call >= interrupted ? 'before' : 'done');
        const error: unknown = await shred.request().catch((reason: unknown) => reason);
        shred.world.fate = () => 'done';
        return { ...shred, error };
      };

      test('no success is reported, and the repeated request raises the mark and issues the receipt', async () => {
        const { error, stored, request, marks, caller } = await interrupt();
        expect(error).toMatchObject({ code: 'unavailable' });
        expect(stored()).toMatchObject({ state: 'shredded', receipts: [] });
        expect(marks.markOf(caller.org)).toMatchObject({ state: 'active', generation: 1 });
        expect(await request()).toMatchObject({ state: 'shredded', final: true, receipts: [expect.any(String)] });
        const { generation } = stored();
        expect(marks.markOf(caller.org)).toMatchObject({ state: 'shredded', generation, issued: 1 });
      });

      // The error must say it, because the tombstone is stored and only the caller can continue: no workflow is
      // started.
      test('the answer says that the keys are destroyed and that the request must be repeated', async () => {
        const { error } = await interrupt();
        expect(error).toMatchObject({ code: 'unavailable', extras: { detail: /keys are destroyed/ } });
      });
    },
  );

  test('the keyring put back in place of the tombstone is refused, and shredded again by the next request', async () => {
    const { world, request, stored, caller, marks, verify } = createInMemoryShredding();
    const before = structuredClone(world.record);
    await request();
    const { generation } = stored();
    world.record = before;
    await expect(verify()).rejects.toMatchObject({ code: 'org_shredded' });
    await request();
    expect(stored()).toMatchObject({ state: 'shredded', generation: generation + 2 });
    expect(marks.markOf(caller.org)).toMatchObject({ state: 'shredded', generation: generation + 2 });
  });

  test('a rotation or a first key that comes between is shredded too, and what comes after is not stored', async () => {
    for (let before = 0; before < 3; before++) {
      const { world, request, stored, replace, nextKeyring } = createInMemoryShredding();
      const late = nextKeyring();
      let intrusions = 0;
      world.intrude = () => {
        if (intrusions++ < before) expect(replace(nextKeyring())).toBe(true);
      };
      await request();
      const tombstone = stored();
      expect(tombstone).toMatchObject({ state: 'shredded', destroyed: { length: before + 1 } });
      expect(replace(late)).toBe(false);
      expect(stored()).toEqual(tombstone);
    }
  });

  test('two at once both say that it is shredded, and there is one tombstone', async () => {
    const { request, stored } = createInMemoryShredding();
    const answers = await Promise.all([request(), request(), request()]);
    for (const answer of answers) expect(answer.state).toBe('shredded');
    expect(stored()).toMatchObject({ final: true, receipts: { length: 1 } });
  });
});

describe('shredding after a waiting period', () => {
  test.each(cases)(
    'call %i that fails %s its work: it is locked once, and shredded when the time has come',
    async (n, fate) => {
      const { world, request, stored, runWorkflows } = createInMemoryShredding();
      world.fate = (call) => (call === n ? fate : 'done');
      const waits: number[] = [];
      const answer = await untilAnswered(() => request(10));
      expect(answer).toMatchObject({ state: 'locked', shredAt: '2026-06-11T12:00:00.000Z' });
      const results = await runWorkflows(waits);
      expect(results).toContainEqual({ result: 'final' });
      expect(waits[0]).toBe(864_000);
      expect(stored()).toMatchObject({ state: 'shredded', final: true, requestedAt: '2026-06-01T12:00:00.000Z' });
    },
  );

  test('a rotation that read the keyring before the lock can not remove it', async () => {
    const { request, replace, nextKeyring, stored } = createInMemoryShredding();
    const rotated = nextKeyring();
    await request(10);
    expect(replace(rotated)).toBe(false);
    expect(stored()).toMatchObject({ state: 'active', lock: { shredAt: '2026-06-11T12:00:00.000Z' } });
  });

  test('cancelled, nothing is shredded, and nothing of the lock is left; a lock made later is not ended by the first', async () => {
    const { world, time, caller, marks, request, shredding, stored, runWorkflows } = createInMemoryShredding();
    const before = structuredClone(world.record);
    await request(10);
    expect(await shredding.cancel(caller.org)).toEqual({
      org: caller.org,
      state: 'active',
      final: false,
      receipts: [],
    });
    // A lock and its removal are each a generation. Nothing else of the keyring is changed.
    const { generation, mac: _, ...rest } = before;
    expect(world.record).toEqual({ ...rest, generation: Number(generation) + 2, mac: expect.any(String) });
    expect(marks.markOf(caller.org)).toEqual({ ...newOrgMark(caller.org), generation: Number(generation) + 2 });
    time.now = new Date('2026-06-05T12:00:00.000Z');
    await request(30);
    const [first] = world.started.values();
    expect(first).toMatchObject({ requestedAt: '2026-06-01T12:00:00.000Z' });
    expect(await shredding.shredIfLocked(caller.org, '2026-06-01T12:00:00.000Z')).toBe(false);
    expect(stored()).toMatchObject({ state: 'active', lock: { requestedAt: '2026-06-05T12:00:00.000Z' } });
    expect(await runWorkflows()).toEqual([{ result: 'cancelled' }, { result: 'final' }]);
  });

  test('a cancelling that was interrupted is completed by its repetition, mark included; one for nothing is refused', async () => {
    // The keyring and the mark, the keyring without the lock, and the next mark in two calls.
    for (const [nth, fate] of [1, 2, 3, 4, 5].flatMap((call) => [
      [call, 'before'] as const,
      [call, 'after'] as const,
    ])) {
      const { world, caller, marks, request, shredding, stored } = createInMemoryShredding();
      await request(10);
      const start = world.calls;
      world.fate = (call) => (call === start + nth ? fate : 'done');
      await expect(shredding.cancel(caller.org), `${nth} ${fate}`).rejects.toMatchObject({ code: 'unavailable' });
      world.fate = () => 'done';
      // Once the mark is stored, the shredding is cancelled, and the repetition cannot know of the first request.
      const isMarked = marks.markOf(caller.org).lock === undefined;
      expect(isMarked).toBe(nth === 5 && fate === 'after');
      if (!isMarked) expect(await shredding.cancel(caller.org)).toMatchObject({ state: 'active' });
      expect(stored()).not.toHaveProperty('lock');
      expect(marks.markOf(caller.org)).toMatchObject({ state: 'active', generation: stored().generation });
      await expect(shredding.cancel(caller.org)).rejects.toMatchObject({ code: 'no_shred_pending' });
    }
  });

  test('a cancelled lock that is put back is refused, and no workflow shreds the org because of it', async () => {
    const { world, caller, request, shredding, verify, runWorkflows } = createInMemoryShredding();
    await request(10);
    const locked = structuredClone(world.record);
    await shredding.cancel(caller.org);
    world.record = structuredClone(locked);
    await expect(verify()).rejects.toMatchObject({ name: 'DecryptionError' });
    expect(await runWorkflows()).toEqual([{ result: 'cancelled' }]);
    expect(world.record).toEqual(locked);
  });

  test('the keyring before the lock, put back, ends neither the lock nor the shredding', async () => {
    const { world, request, stored, verify, runWorkflows } = createInMemoryShredding();
    const unlocked = structuredClone(world.record);
    await request(10);
    world.record = unlocked;
    await expect(verify()).rejects.toMatchObject({ name: 'DecryptionError' });
    await runWorkflows();
    expect(stored()).toMatchObject({ state: 'shredded', requestedAt: '2026-06-01T12:00:00.000Z' });
  });

  test('an admin may cut the waiting short; cancelling is then too late', async () => {
    const { caller, request, shredding, stored } = createInMemoryShredding();
    await request(30);
    expect(await request(0)).toMatchObject({ state: 'shredded', final: true });
    await expect(shredding.cancel(caller.org)).rejects.toMatchObject({ code: 'org_shredded' });
    expect(stored()).toMatchObject({ state: 'shredded' });
  });

  test('asked again, a lock stays as it is', async () => {
    const { time, request } = createInMemoryShredding();
    const first = await request(10);
    time.now = new Date('2026-06-03T12:00:00.000Z');
    expect(await request(30)).toEqual(first);
  });
});

describe('while a copy exists', () => {
  const backup = { arn: 'arn:b', type: 'USER', createdAt: '2026-06-01T11:00:00.000Z' };

  test.each([
    ['a backup by hand', { backups: [backup] }],
    ['a backup by AWS Backup', { backups: [{ ...backup, type: 'AWS_BACKUP' }] }],
    ['a backup by DynamoDB itself', { backups: [{ ...backup, type: 'SYSTEM' }] }],
    ['a backup of unknown time', { backups: [{ ...backup, createdAt: '' }] }],
    ['a list of backups that was not read to its end', { complete: false }],
    ['point-in-time recovery', { pointInTimeRecovery: 'ENABLED', earliestRestorable: '2026-05-20T00:00:00.000Z' }],
    ['point-in-time recovery of unknown reach', { pointInTimeRecovery: 'ENABLED' }],
  ] as const)('%s: the shredding is not final, and says so; it becomes final once that is gone', async (_, found) => {
    const { world, request, said, runWorkflows, stored } = createInMemoryShredding();
    world.copies = { ...noCopies, ...found };
    const answer = await request();
    expect(answer).toMatchObject({ state: 'shredded', final: false, receipts: { length: 1 } });
    const receipt = said(answer.receipts[0] ?? '') ?? expect.fail();
    expect(receipt).toMatchObject({ final: false, copies: { backupCount: world.copies.backups.length } });
    expect(receipt).not.toHaveProperty('irrecoverableSince');
    const again = await request();
    expect(again.receipts).toHaveLength(2);
    world.copies = noCopies;
    expect(await runWorkflows()).toEqual([{ result: 'final' }]);
    const tombstone = stored();
    const last = said((tombstone.state === 'shredded' ? tombstone.receipts.at(-1) : '') ?? '');
    expect(last).toMatchObject({
      number: 3,
      final: true,
      unusableSince: receipt.unusableSince,
      generation: receipt.generation,
    });
    expect(last?.irrecoverableSince).toBe(last?.copies.checkedAt);
  });

  test('the workflow looks each day and adds no receipt that says the same again', async () => {
    const { world, request, runWorkflows, stored } = createInMemoryShredding();
    world.copies = { ...noCopies, backups: [backup] };
    await request();
    const waits: number[] = [];
    expect(await runWorkflows(waits)).toEqual([{ result: 'copies exist' }]);
    expect(waits).toHaveLength(302);
    expect(stored()).toMatchObject({ final: false, receipts: { length: 1 } });
  });

  test('copies of before the org and of after the shredding hold no key', async () => {
    const { world, request } = createInMemoryShredding();
    world.copies = {
      ...noCopies,
      backups: [
        { ...backup, createdAt: '2025-12-31T00:00:00.000Z' },
        { ...backup, createdAt: '2026-07-01T00:00:00.000Z' },
      ],
    };
    expect(await request()).toMatchObject({ final: true });
  });

  test('a tombstone keeps the first receipt and the latest ones, however often it is asked', async () => {
    const { world, request, said } = createInMemoryShredding();
    world.copies = { ...noCopies, backups: [backup] };
    const first = await request();
    let last = first;
    for (let n = 0; n < 15; n++) last = await request();
    expect(last.receipts).toHaveLength(10);
    expect(last.receipts[0]).toBe(first.receipts[0]);
    expect(said(last.receipts.at(-1) ?? '')).toMatchObject({ final: false, number: 16, generation: 3 });
  });
});

test('a workflow that is started with anything else does nothing', async () => {
  const { runWorkflows, world, stored } = createInMemoryShredding();
  const before = stored();
  for (const odd of [
    undefined,
    {},
    { org: 'x' },
    { org: '../etc', requestedAt: '', waitUntil: '2026-06-01T12:00:00.000Z' },
  ]) {
    world.started = new Map([['odd', odd as never]]);
    await expect(runWorkflows()).rejects.toThrow();
  }
  expect(stored()).toEqual(before);
});
