/**
 * The blobs of a shredded org: objects, unfinished uploads and records are deleted until none is left, despite any
 * failure.
 */
import { describe, expect, test } from 'vitest';
import { addTombstoneReceipt } from '../../core/shredding/keyring-tombstone.ts';
import { authenticationKeyOf } from '../records/in-memory-records.ts';
import { type CallOutcome, createInMemoryShredding } from './in-memory-shredding.ts';

type World = ReturnType<typeof createInMemoryShredding>;

const idOf = (n: number) => `01${String(n).padStart(24, '0')}`;

/** Adds complete blobs and unfinished multipart uploads. */
function fill({ world, caller }: World, complete: number, uploading = 0): void {
  for (let n = 0; n < complete; n++) {
    world.objects.add(`${caller.org}/${idOf(n)}.enc`);
    world.records.set(idOf(n), { id: idOf(n) });
  }
  for (let n = complete; n < complete + uploading; n++)
    world.records.set(idOf(n), { id: idOf(n), uploadId: `upload ${n}` });
}

const receiptsOf = ({ stored, said }: World) => {
  const tombstone = stored();
  return (tombstone.state === 'shredded' ? tombstone.receipts : []).map(
    (jws) => said(jws) ?? expect.fail('does not verify'),
  );
};

test('a few are deleted before the answer leaves, and its receipt says that none was left', async () => {
  const shred = createInMemoryShredding();
  fill(shred, 3);
  const answer = await shred.request();
  expect([shred.world.objects.size, shred.world.records.size]).toEqual([0, 0]);
  expect(shred.said(answer.receipts[0] ?? '')).toMatchObject({ blobs: { objects: 0, uploads: 0, complete: true } });
  expect(await shred.runWorkflows()).toEqual([{ result: 'final' }]);
  expect(receiptsOf(shred)).toHaveLength(1);
});

test('nothing is deleted before there is a tombstone, nor of an org that is only locked', async () => {
  const shred = createInMemoryShredding();
  fill(shred, 2, 1);
  await shred.request(10);
  expect([shred.world.objects.size, shred.world.records.size, shred.world.aborted]).toEqual([2, 3, []]);
  shred.world.intrude = () => expect(shred.world.objects.size).toBe(2);
  shred.world.fate = (call) => (call === shred.world.calls + 1 ? 'done' : 'before');
  await expect(shred.request(0)).rejects.toMatchObject({ code: 'unavailable' });
  expect([shred.world.objects.size, shred.world.records.size, shred.world.aborted]).toEqual([2, 3, []]);
});

test('more than a request has time for: the receipt tells how many, the workflow deletes them, and a receipt tells that too', async () => {
  const shred = createInMemoryShredding();
  fill(shred, 7300);
  const answer = await shred.request();
  expect(answer).toMatchObject({ state: 'shredded', final: true });
  expect(receiptsOf(shred)).toMatchObject([{ number: 1, blobs: { objects: 5000, uploads: 0, complete: false } }]);
  expect(await shred.runWorkflows()).toEqual([{ result: 'final' }]);
  expect([shred.world.objects.size, shred.world.records.size]).toEqual([0, 0]);
  expect(receiptsOf(shred)).toMatchObject([
    { number: 1, final: true },
    { number: 2, final: true, blobs: { objects: 0, uploads: 0, complete: true } },
  ]);
  // The shredding is complete, so a repeated request issues no further receipt.
  expect((await shred.request()).receipts).toHaveLength(2);
});

test('an unfinished upload is ended twice, the second time when no part can be under way any more, and its record goes then', async () => {
  const shred = createInMemoryShredding();
  fill(shred, 0, 2);
  const answer = await shred.request();
  expect(shred.said(answer.receipts[0] ?? '')).toMatchObject({ blobs: { objects: 0, uploads: 2, complete: true } });
  expect(shred.world.aborted.sort()).toEqual(['upload 0', 'upload 1']);
  const waits: number[] = [];
  await shred.runWorkflows(waits);
  expect(waits.slice(0, 2)).toEqual([60, 3615]);
  expect(shred.world.records.size).toBe(0);
  // Aborted by the request, by the first run of the workflow, and by its last run.
  expect(shred.world.aborted.filter((id) => id === 'upload 0')).toHaveLength(3);
  expect(receiptsOf(shred).at(-1)).toMatchObject({ number: 2, blobs: { objects: 0, uploads: 0, complete: true } });
});

test('what is posted by a ticket that was given before the shredding is deleted once such tickets have ended', async () => {
  const shred = createInMemoryShredding();
  const { world, time } = shred;
  await shred.request();
  const ticketEnds = time.now.getTime() + 30 * 60_000;
  // Each time the workflow lists the objects, another object appears, as long as the upload ticket is valid.
  const put = world.objects;
  let posted = false;
  world.fate = () => {
    if (!posted && time.now.getTime() >= ticketEnds) put.add(`${shred.caller.org}/${idOf(9)}.enc`);
    posted ||= put.size > 0;
    return 'done';
  };
  await shred.runWorkflows();
  expect(posted).toBe(true);
  expect(world.objects.size).toBe(0);
});

describe('whatever fails', () => {
  const fates: CallOutcome[] = ['before', 'after'];
  const cases = Array.from({ length: 40 }, (_, n) => n + 1).flatMap((call) =>
    fates.map((fate) => [call, fate] as const),
  );

  test.each(cases)(
    'call %i that fails %s its work: in the end no blob is left, and a receipt says so',
    async (n, fate) => {
      const shred = createInMemoryShredding();
      fill(shred, 2, 1);
      shred.world.fate = (call) => (call === n ? fate : 'done');
      await shred.request().catch(() => shred.request());
      expect(await shred.runWorkflows()).toEqual([{ result: 'final' }]);
      expect([shred.world.objects.size, shred.world.records.size]).toEqual([0, 0]);
      expect(receiptsOf(shred).at(-1)).toMatchObject({
        final: true,
        blobs: { objects: 0, uploads: 0, complete: true },
      });
    },
  );

  test('blobs that can’t be deleted: the keys are gone, the answer says what is left to be done', async () => {
    const shred = createInMemoryShredding();
    fill(shred, 1);
    // The keyring, the mark, the tombstone, the next mark in three calls, and the start of the workflow.
    shred.world.fate = (call) => (call > 7 ? 'before' : 'done');
    await expect(shred.request()).rejects.toMatchObject({
      code: 'unavailable',
      extras: { detail: /keys are destroyed/ },
    });
    expect(shred.stored()).toMatchObject({ state: 'shredded' });
  });
});

test('a final receipt of a time without blobs stays the last one', async () => {
  const shred = createInMemoryShredding();
  await shred.request();
  const tombstone = shred.stored();
  if (tombstone.state !== 'shredded') return expect.fail();
  const payload = { final: true };
  const jws = `x.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.x`;
  const old = addTombstoneReceipt(
    authenticationKeyOf(tombstone.org),
    { ...tombstone, receipts: [], issued: 0 },
    { jws, final: true, unusableSince: '2026-06-01T12:00:00.000Z' },
  );
  shred.world.record = { ...old, activeVersion: 0, deks: {} };
  expect((await shred.request()).receipts).toEqual([jws]);
});
