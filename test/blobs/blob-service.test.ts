/** The blob service except uploads and openings: creating, listing, replacing links, and deleting. */
import { describe, expect, test } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import { isTimeId } from '../../core/encoding/time-ordered-id.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { type CallOutcome, createInMemoryBlobs, verifiers } from './in-memory-blob-stores.ts';

const days = 86_400;
const monthAfter = (time: string) => Date.parse(time) / 1000 + 30 * days;

describe('a blob is begun', () => {
  test('with an id of its time, a link that only the answer tells, and a form when its size is small enough', async () => {
    const { org, blobs, world, record } = createInMemoryBlobs();
    const made = await blobs.create(org, { size: limits.blobFormBytes });
    const { locator } = record(made.id);
    expect(isTimeId(made.id)).toBe(true);
    expect(made).toMatchObject({
      link: org + made.id + locator,
      url: `https://page.invalid/b/${org}${made.id}${locator}`,
      upload: { kind: 'form', fields: { size: String(limits.blobFormBytes) }, expiresAt: '2026-06-01T12:30:00.000Z' },
      uploadUntil: '2026-06-03T12:00:00.000Z',
    });
    expect(world.calls).toEqual(['form', 'create']);
    expect(JSON.stringify(await blobs.get(org, made.id))).not.toContain(locator);
  });

  test.each([[limits.blobFormBytes + 1], [undefined]])('of %s bytes: to be uploaded in parts', async (size) => {
    const { org, blobs, world } = createInMemoryBlobs();
    expect((await blobs.create(org, { size })).upload).toEqual({ kind: 'parts', chunks: 8 });
    expect(world.calls).toEqual(['begin', 'create']);
  });

  test('never larger than the deployment allows', async () => {
    const { org, blobs, world } = createInMemoryBlobs({ maxBytes: 1000 });
    expect(await errorCodeOf(blobs.create(org, { size: 1001 }))).toBe('blob_too_large');
    expect(world.calls).toEqual([]);
    expect(await errorCodeOf(blobs.create(org, { size: 1000 }))).toBe('no error');
  });

  test('to be read once: one opening, and no other number of them', async () => {
    const { org, blobs, record } = createInMemoryBlobs();
    const { id } = await blobs.create(org, { size: 10, burn: true });
    expect(record(id)).toMatchObject({ burn: true, maxOpens: 1 });
    expect(await errorCodeOf(blobs.create(org, { size: 10, burn: true, maxOpens: 1 }))).toBe('no error');
    expect(await errorCodeOf(blobs.create(org, { size: 10, burn: true, maxOpens: 2 }))).toBe('invalid_request');
  });

  test('or not at all: without a record nothing was given out', async () => {
    for (const fate of ['before', 'after'] as CallOutcome[]) {
      const { org, blobs, world } = createInMemoryBlobs();
      world.fate = (name) => (name === 'create' ? fate : 'done');
      expect(await errorCodeOf(blobs.create(org, {}))).toBe('unavailable');
    }
  });
});

describe('a deletion', () => {
  test('marks the record for a month and removes the object; again it was gone before', async () => {
    const { org, blobs, ready, world, record, pass } = createInMemoryBlobs();
    const { id } = await ready();
    expect(await blobs.delete(org, id)).toEqual({ deleted: true });
    expect(world.objects.size).toBe(0);
    expect(record(id)).toMatchObject({ state: 'deleted', ttl: monthAfter('2026-06-01T12:00:00.000Z') });
    expect(await blobs.delete(org, id)).toEqual({ deleted: false });
    expect(await blobs.get(org, id)).toMatchObject({ state: 'deleted' });
    pass(30 * days);
    // DynamoDB may remove the expired record a day later. Until then, the record counts as absent.
    expect(await errorCodeOf(blobs.get(org, id))).toBe('blob_not_found');
    expect(await blobs.list(org, {})).toEqual({ blobs: [] });
  });

  test('of an upload in parts ends it', async () => {
    const { org, blobs, put, world } = createInMemoryBlobs();
    const { id } = await blobs.create(org, {});
    put(id, { number: 1, size: 5 });
    expect(await blobs.delete(org, id)).toEqual({ deleted: true });
    expect(world.uploads.size).toBe(0);
  });

  test.each(['delete', 'abort', 'deleteObject'])(
    'whose call of %s fails says so; repeated, nothing is left',
    async (failing) => {
      for (const fate of ['before', 'after'] as CallOutcome[]) {
        const { org, blobs, put, world, record } = createInMemoryBlobs();
        const { id } = await blobs.create(org, {});
        put(id, { number: 1, size: 5 });
        world.objects.set(id, { size: 5, tag: 'x', checksum: undefined, lifetime: 'unfinished' });
        let failed = false;
        world.fate = (name) => {
          const isIt = name === failing && !failed;
          failed ||= isIt;
          return isIt ? fate : 'done';
        };
        expect(await errorCodeOf(blobs.delete(org, id))).toBe('unavailable');
        await blobs.delete(org, id);
        expect([world.objects.size, world.uploads.size, record(id).state]).toEqual([0, 0, 'deleted']);
      }
    },
  );

  test('of what is not there, or of another org, changes nothing', async () => {
    const { org, blobs, world } = createInMemoryBlobs();
    for (const id of ['01m7xpe6000123456789abcdef', '../x', '']) {
      expect(await blobs.delete(org, id)).toEqual({ deleted: false });
    }
    expect(world.calls).toEqual(['get']);
  });
});

describe('a list', () => {
  test('has the newest first, page by page, with states as they are now', async () => {
    const { org, blobs, ready, open, pass } = createInMemoryBlobs();
    const made: string[] = [];
    for (const options of [{}, { expiresIn: 60 }, { maxOpens: 1 }, {}]) {
      made.push((await ready(options)).id);
      pass(1);
    }
    const [, , once = ''] = made;
    const blob = await blobs.replaceLink(org, once);
    await open(blob.link);
    pass(60);
    const first = await blobs.list(org, { limit: 3 });
    expect(first.blobs.map(({ id, state }) => [id, state])).toEqual([
      [made[3], 'ready'],
      [made[2], 'spent'],
      [made[1], 'expired'],
    ]);
    const second = await blobs.list(org, { limit: 3, cursor: first.cursor });
    expect(second.blobs.map(({ id }) => id)).toEqual([made[0]]);
    expect(second.cursor).toBeUndefined();
    for (const cursor of ['x', `${first.cursor}=`])
      expect(await errorCodeOf(blobs.list(org, { cursor }))).toBe('invalid_cursor');
  });

  test('tells neither locators nor verifiers nor uploads', async () => {
    const { org, blobs, ready } = createInMemoryBlobs();
    const { locator } = await ready();
    await blobs.create(org, {});
    const told = JSON.stringify(await blobs.list(org, {}));
    for (const secret of [locator, verifiers.open, verifiers.burn, 'uploadId', 'checksum'])
      expect(told).not.toContain(secret);
  });
});

describe('a new link', () => {
  test('is for what can be opened only', async () => {
    const { org, blobs, ready, open, pass } = createInMemoryBlobs();
    const uploading = await blobs.create(org, { size: 10 });
    expect(await errorCodeOf(blobs.replaceLink(org, uploading.id))).toBe('blob_not_uploaded');
    const once = await ready({ maxOpens: 1 });
    await open(once);
    expect(await errorCodeOf(blobs.replaceLink(org, once.id))).toBe('blob_spent');
    const deleted = await ready();
    await blobs.delete(org, deleted.id);
    expect(await errorCodeOf(blobs.replaceLink(org, deleted.id))).toBe('blob_deleted');
    const expiring = await ready({ expiresIn: 60 });
    pass(60);
    expect(await errorCodeOf(blobs.replaceLink(org, expiring.id))).toBe('blob_expired');
    expect(await errorCodeOf(blobs.replaceLink(org, 'x'))).toBe('blob_not_found');
  });

  test('that a deletion overtakes is none', async () => {
    const { org, blobs, ready, world } = createInMemoryBlobs();
    const { id } = await ready();
    world.intrude = async (name) => {
      if (name !== 'relink') return;
      world.intrude = async () => {};
      await blobs.delete(org, id);
    };
    expect(await errorCodeOf(blobs.replaceLink(org, id))).toBe('blob_deleted');
  });

  test('whose answer was lost: the next one is good, and only that', async () => {
    const { org, blobs, ready, world, open } = createInMemoryBlobs();
    const blob = await ready();
    world.fate = (name) => (name === 'relink' ? 'after' : 'done');
    expect(await errorCodeOf(blobs.replaceLink(org, blob.id))).toBe('unavailable');
    world.fate = () => 'done';
    const { link } = await blobs.replaceLink(org, blob.id);
    expect(await errorCodeOf(open(blob))).toBe('blob_not_found');
    expect(await errorCodeOf(open(link))).toBe('no error');
  });
});
