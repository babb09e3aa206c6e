/**
 * The users of a shredded org: their keyrings are destroyed immediately, then their locators and records, despite any
 * failure.
 */
import { describe, expect, test } from 'vitest';
import { type CallOutcome, createInMemoryShredding, noCopies } from './in-memory-shredding.ts';

type World = ReturnType<typeof createInMemoryShredding>;

/** Adds users with a login each, and some records. */
function fill({ world }: World, users: number, recordsOfEach = 1): void {
  for (let n = 0; n < users; n++) {
    for (const kind of ['user', 'locator', 'attempts']) world.userKeyrings.add(`${kind}/${n}`);
    for (let record = 0; record < recordsOfEach; record++) world.userRecords.add(`${n}/memory/${record}`);
  }
}

const left = ({ world }: World) => [world.userKeyrings.size, world.userRecords.size];
const keyringsLeft = ({ world }: World) => [...world.userKeyrings].filter((id) => id.startsWith('user/')).length;

const receiptsOf = ({ stored, said }: World) => {
  const tombstone = stored();
  return (tombstone.state === 'shredded' ? tombstone.receipts : []).map(
    (jws) => said(jws) ?? expect.fail('does not verify'),
  );
};
const none = {
  keyrings: 0,
  records: 0,
  deviceRosters: 0,
  deviceEntries: 0,
  mailboxItems: 0,
  directoryItems: 0,
  complete: true,
};

test('all of a few users is deleted before the answer leaves, and its receipt says that none was left', async () => {
  const shred = createInMemoryShredding();
  fill(shred, 3, 4);
  const answer = await shred.request();
  expect(left(shred)).toEqual([0, 0]);
  expect(shred.said(answer.receipts[0] ?? '')).toMatchObject({ final: true, users: none });
  expect(await shred.runWorkflows()).toEqual([{ result: 'final' }]);
  expect(receiptsOf(shred)).toHaveLength(1);
});

test('nothing of users is deleted before there is a tombstone, nor of an org that is only locked', async () => {
  const shred = createInMemoryShredding();
  fill(shred, 2);
  await shred.request(10);
  shred.world.intrude = () => expect(left(shred)).toEqual([6, 2]);
  shred.world.fate = (call) => (call === shred.world.calls + 1 ? 'done' : 'before');
  await expect(shred.request(0)).rejects.toMatchObject({ code: 'unavailable' });
  expect(left(shred)).toEqual([6, 2]);
});

test('keyrings go before all else: when the request fails then, records are left that nobody can open', async () => {
  const shred = createInMemoryShredding();
  fill(shred, 5, 2);
  const before = shred.world.calls;
  // The keyring, the mark, the tombstone, the next mark in three calls, the start of the workflow, one list of
  // keyrings, and their deletion.
  shred.world.fate = (call) => (call > before + 9 ? 'before' : 'done');
  await expect(shred.request()).rejects.toMatchObject({ extras: { detail: /keys are destroyed/ } });
  expect([keyringsLeft(shred), ...left(shred)]).toEqual([0, 10, 10]);
});

test('more than a request has time for: it is not final, the receipt tells how many, and the workflow ends it', async () => {
  const shred = createInMemoryShredding();
  fill(shred, 1300);
  expect(await shred.request()).toMatchObject({ state: 'shredded', final: false });
  expect(receiptsOf(shred)).toMatchObject([{ number: 1, users: { keyrings: 300, records: 1000, complete: false } }]);
  expect(await shred.runWorkflows()).toEqual([{ result: 'final' }]);
  expect(left(shred)).toEqual([0, 0]);
  expect(receiptsOf(shred).at(-1)).toMatchObject({ number: 2, final: true, users: none });
  expect((await shred.request()).receipts).toHaveLength(2);
});

test('a keyring that a request stored late, which had begun before the shredding, is deleted once none can be running', async () => {
  const shred = createInMemoryShredding();
  const { world, time } = shred;
  await shred.request();
  // The workflow runs for the first time after a minute.
  const lastRequestEnds = time.now.getTime() + 61_000;
  let stored = false;
  world.fate = () => {
    if (!stored && time.now.getTime() >= lastRequestEnds) fill(shred, 1);
    stored ||= world.userKeyrings.size > 0;
    return 'done';
  };
  await shred.runWorkflows();
  expect(stored).toBe(true);
  expect(left(shred)).toEqual([0, 0]);
});

test('a copy of the table of user keyrings makes it not final, like one of the other; when it is gone it is', async () => {
  const shred = createInMemoryShredding();
  fill(shred, 1);
  const backup = { arn: 'arn:of:the:backup', type: 'USER', createdAt: '2026-03-01T00:00:00.000Z' };
  shred.world.userCopies = { ...noCopies, backups: [backup] };
  expect(await shred.request()).toMatchObject({ final: false });
  expect(receiptsOf(shred).at(-1)?.copies).toMatchObject({ backups: [{ ...backup, relevant: true }], backupCount: 1 });
  for (const copies of [
    { ...noCopies, complete: false },
    { ...noCopies, pointInTimeRecovery: 'ENABLED' as const, earliestRestorable: '2026-05-01T00:00:00.000Z' },
  ]) {
    shred.world.userCopies = copies;
    expect(await shred.request()).toMatchObject({ final: false });
    const { complete, pointInTimeRecovery } = receiptsOf(shred).at(-1)?.copies ?? {};
    expect([complete, pointInTimeRecovery]).toEqual([copies.complete, copies.pointInTimeRecovery]);
  }
  // Copies of both tables are in one list.
  shred.world.copies = { ...noCopies, backups: [{ ...backup, createdAt: '2025-01-01T00:00:00.000Z' }] };
  shred.world.userCopies = { ...noCopies, backups: [backup] };
  await shred.request();
  expect(receiptsOf(shred).at(-1)?.copies).toMatchObject({
    backupCount: 2,
    backups: [{ relevant: true }, { relevant: false }],
  });
  // A backup made after the last keyring was deleted contains none. The same is true of point-in-time recovery that
  // starts after that time.
  shred.time.now = new Date('2026-06-10T00:00:00.000Z');
  shred.world.userCopies = {
    ...noCopies,
    backups: [{ ...backup, createdAt: '2026-06-09T00:00:00.000Z' }],
    pointInTimeRecovery: 'ENABLED',
    earliestRestorable: '2026-06-02T00:00:00.000Z',
  };
  expect(await shred.request()).toMatchObject({ final: true });
});

describe('whatever fails', () => {
  const fates: CallOutcome[] = ['before', 'after'];
  const cases = Array.from({ length: 40 }, (_, n) => n + 1).flatMap((call) =>
    fates.map((fate) => [call, fate] as const),
  );

  test.each(cases)(
    'call %i that fails %s its work: in the end nothing of users is left, and a receipt says so',
    async (n, fate) => {
      const shred = createInMemoryShredding();
      fill(shred, 3);
      shred.world.fate = (call) => (call === n ? fate : 'done');
      await shred.request().catch(() => shred.request());
      expect(await shred.runWorkflows()).toEqual([{ result: 'final' }]);
      expect(left(shred)).toEqual([0, 0]);
      expect(receiptsOf(shred).at(-1)).toMatchObject({ final: true, users: none });
    },
  );
});
