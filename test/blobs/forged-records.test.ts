/** Records of blobs that somebody wrote into the table who cannot use the records key. */
import { describe, expect, test } from 'vitest';
import { formatLinkId } from '../../core/blobs/share-link.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import type { StoredBlob } from '../../lambdas/blobs/blob-ports.ts';
import { testRecordsKey } from '../records/in-memory-records.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { createInMemoryBlobs, proof, verifier, verifiers } from './in-memory-blob-stores.ts';

const changes: [string, Partial<StoredBlob>][] = [
  ['a later expiry', { expiresAt: '2099-01-01T00:00:00.000Z' }],
  ['no expiry', { expiresAt: undefined }],
  ['more openings', { maxOpens: 9 }],
  ['no limit of openings', { maxOpens: undefined }],
  ['burn', { burn: true }],
  ['another size', { size: 11 }],
  ['another checksum', { checksum: verifier('x') }],
  ['another verifier for opening', { openVerifier: verifier('x') }],
  ['another verifier for burning', { burnVerifier: verifier('x') }],
  ['no verifiers', { openVerifier: undefined, burnVerifier: undefined }],
  ['a locator of the attacker', { locator: 'attackerattacker' }],
  ['no MAC', { mac: undefined }],
  ['another MAC', { mac: verifier('x') }],
  ['the state of an upload', { state: 'uploading' }],
];

describe('a completed blob whose record was given', () => {
  test.each(changes)('%s is refused by every reader, and the list names it as damaged', async (_, change) => {
    const { org, blobs, uploads, links, ready, world } = createInMemoryBlobs();
    const blob = await ready({ expiresIn: 60, maxOpens: 1 });
    const other = await ready();
    world.records.set(blob.id, { ...blob, ...change });
    const { openings } = blob;
    const link = formatLinkId({ ...blob, ...change });
    const completion = { checksum: blob.checksum ?? '', verifiers };
    const attempts: Promise<unknown>[] = [
      blobs.get(org, blob.id),
      blobs.replaceLink(org, blob.id),
      uploads.complete(org, blob.id, completion),
      uploads.presignParts(org, blob.id, { parts: [{ number: 1, size: 5, checksum: verifier('x') }] }),
      uploads.listParts(org, blob.id, {}),
      links.getPreview(link),
      links.verifyProof(link, 'open', proof('open')),
      links.verifyProof(link, 'burn', proof('burn')),
      links.verifyProof(link, 'open', proof('x')),
    ];
    for (const attempt of attempts) expect(await errorCodeOf(attempt)).toBe('decryption_failed');
    const listed = await blobs.list(org, {});
    expect([listed.blobs.map(({ id }) => id), listed.damaged]).toEqual([[other.id], [blob.id]]);
    expect(world.records.get(blob.id)).toMatchObject({ openings });
    expect(world.objects.get(blob.id)).toBeDefined();
  });

  test('the id or the org of another is refused', async () => {
    const { org, blobs, ready, world, links } = createInMemoryBlobs();
    const blob = await ready();
    const id = createTimeId(1, Buffer.alloc(16));
    world.records.set(id, { ...blob, id });
    expect(await errorCodeOf(blobs.get(org, id))).toBe('decryption_failed');
    expect(await errorCodeOf(links.getPreview(formatLinkId({ ...blob, id })))).toBe('decryption_failed');
    const theirs = createInMemoryBlobs();
    theirs.world.records.set(blob.id, { ...blob, org: theirs.org });
    expect(await errorCodeOf(theirs.blobs.get(theirs.org, blob.id))).toBe('decryption_failed');
  });

  test('a higher limit between the check and the count of an opening gives no address', async () => {
    const { ready, open, world, record } = createInMemoryBlobs();
    const blob = await ready({ maxOpens: 1 });
    await open(blob);
    world.records.set(blob.id, { ...record(blob.id), openings: 0 });
    world.intrude = async (name) => {
      if (name === 'open') world.records.set(blob.id, { ...record(blob.id), maxOpens: 9 });
    };
    expect(await errorCodeOf(open(blob))).toBe('decryption_failed');
  });
});

test('an upload whose record was changed, or marked as complete, is not completed', async () => {
  for (const change of [
    { state: 'ready' as const },
    { uploadUntil: '2099-01-01T00:00:00.000Z' },
    { size: 11 },
    { uploadId: 'x' },
    { state: 'burned' as const },
  ]) {
    const { org, blobs, uploads, post, record, world } = createInMemoryBlobs();
    const { id } = await blobs.create(org, { size: 10 });
    const checksum = post(id);
    world.records.set(id, { ...record(id), ...change });
    expect(await errorCodeOf(uploads.complete(org, id, { checksum, verifiers }))).toBe('decryption_failed');
    expect(await errorCodeOf(blobs.get(org, id))).toBe('decryption_failed');
    expect(world.calls).not.toContain('copy');
  }
});

describe('a stranger', () => {
  test('learns nothing of a damaged record without its locator, and causes no call to KMS or S3', async () => {
    const { blobs, org, links, ready, world, marks } = createInMemoryBlobs();
    const blob = await ready();
    world.records.set(blob.id, { ...blob, maxOpens: 9 });
    const [calls, reads] = [testRecordsKey.calls, marks.reads];
    for (const other of [{ locator: randomId() }, { id: createTimeId(1, Buffer.alloc(16)) }, { org: randomId() }]) {
      expect(await errorCodeOf(links.getPreview(formatLinkId({ ...blob, ...other })))).toBe('blob_not_found');
      expect(await errorCodeOf(links.verifyProof(formatLinkId({ ...blob, ...other }), 'open', proof('open')))).toBe(
        'blob_not_found',
      );
    }
    expect([testRecordsKey.calls, marks.reads]).toEqual([calls, reads]);
    expect(await errorCodeOf(blobs.get(org, blob.id))).toBe('decryption_failed');
  });

  test('with unknown links of an org causes no call to KMS or S3, also in a new process', async () => {
    const { links, org, marks, world } = createInMemoryBlobs();
    const calls = testRecordsKey.calls;
    const link = formatLinkId({ org, id: createTimeId(1, Buffer.alloc(16)), locator: randomId() });
    expect(await errorCodeOf(links.getPreview(link))).toBe('blob_not_found');
    expect([testRecordsKey.calls - calls, marks.reads, world.calls]).toEqual([0, 0, ['read']]);
  });
});

describe('the deletion of a blob with a damaged record', () => {
  test('removes data and record, and tells that the record was damaged', async () => {
    const { org, blobs, ready, world } = createInMemoryBlobs();
    const blob = await ready();
    world.records.set(blob.id, { ...blob, maxOpens: 9 });
    expect(await blobs.delete(org, blob.id)).toEqual({ deleted: true, damaged: true });
    expect([world.objects.size, world.records.size]).toEqual([0, 0]);
    expect(await blobs.list(org, {})).toEqual({ blobs: [] });
    expect(await blobs.delete(org, blob.id)).toEqual({ deleted: false });
  });

  test('ends its upload too', async () => {
    const { org, blobs, put, record, world } = createInMemoryBlobs();
    const { id } = await blobs.create(org, {});
    put(id, { number: 1, size: 5 });
    world.records.set(id, { ...record(id), mac: undefined });
    expect(await blobs.delete(org, id)).toEqual({ deleted: true, damaged: true });
    expect([world.uploads.size, world.records.size]).toEqual([0, 0]);
  });

  test.each(['getUnverified', 'deleteForm', 'deleteObject', 'remove'])(
    'whose call of %s fails says so; repeated, nothing is left',
    async (failing) => {
      const { org, blobs, ready, world } = createInMemoryBlobs();
      const blob = await ready();
      world.records.set(blob.id, { ...blob, maxOpens: 9 });
      world.fate = (name) => (name === failing ? 'before' : 'done');
      expect(await errorCodeOf(blobs.delete(org, blob.id))).toBe('unavailable');
      world.fate = () => 'done';
      expect(await blobs.delete(org, blob.id)).toEqual({ deleted: true, damaged: true });
      expect([world.objects.size, world.records.size]).toEqual([0, 0]);
    },
  );
});

describe('what the MAC does not cover', () => {
  test('a count of openings that was set back opens again, as long as the object exists', async () => {
    const { ready, open, world, record } = createInMemoryBlobs();
    const blob = await ready({ maxOpens: 1 });
    await open(blob);
    world.records.set(blob.id, { ...record(blob.id), openings: 0 });
    expect(await errorCodeOf(open(blob))).toBe('no error');
  });

  test('a deleted blob that was set back to ready has no object and opens for nobody', async () => {
    const { org, blobs, ready, open, world, record } = createInMemoryBlobs();
    const blob = await ready({ maxOpens: 1 });
    await blobs.delete(org, blob.id);
    world.records.set(blob.id, { ...record(blob.id), state: 'ready', ttl: undefined });
    expect(await errorCodeOf(open(blob))).toBe('decryption_failed');
    expect(record(blob.id).openings).toBe(0);
  });

  test('an earlier record, put back as a whole, has its earlier link', async () => {
    const { org, blobs, ready, open, world } = createInMemoryBlobs();
    const blob = await ready();
    const { link } = await blobs.replaceLink(org, blob.id);
    expect(await errorCodeOf(open(blob))).toBe('blob_not_found');
    world.records.set(blob.id, blob);
    expect(await errorCodeOf(open(blob))).toBe('no error');
    expect(await errorCodeOf(open(link))).toBe('blob_not_found');
  });
});

describe('the object of a link', () => {
  test('that is another one than was completed, or is missing, is refused and counts no opening', async () => {
    const { ready, open, world, record } = createInMemoryBlobs();
    const blob = await ready({ maxOpens: 1 });
    const stored = world.objects.get(blob.id) ?? expect.fail();
    for (const other of [
      { ...stored, checksum: verifier('x') },
      { ...stored, checksum: undefined },
      { ...stored, size: 11 },
      undefined,
    ]) {
      if (other === undefined) world.objects.delete(blob.id);
      else world.objects.set(blob.id, other);
      expect(await errorCodeOf(open(blob))).toBe('decryption_failed');
      expect(record(blob.id).openings).toBe(0);
    }
    world.objects.set(blob.id, stored);
    expect(await errorCodeOf(open(blob))).toBe('no error');
  });

  test('is checked again when an opening is repeated by its name', async () => {
    const { ready, open, world } = createInMemoryBlobs();
    const blob = await ready({ maxOpens: 2 });
    await open(blob, proof('open'), 'opening-0123456789');
    const stored = world.objects.get(blob.id) ?? expect.fail();
    world.objects.set(blob.id, { ...stored, checksum: verifier('x') });
    expect(await errorCodeOf(open(blob, proof('open'), 'opening-0123456789'))).toBe('decryption_failed');
  });
});

test('of two replacements of a link at the same time, one fails, and the record stays valid', async () => {
  const { org, blobs, ready, world, open } = createInMemoryBlobs();
  const blob = await ready();
  let first = '';
  world.intrude = async (name) => {
    if (name !== 'relink') return;
    world.intrude = async () => {};
    first = (await blobs.replaceLink(org, blob.id)).link;
  };
  expect(await errorCodeOf(blobs.replaceLink(org, blob.id))).toBe('write_contention');
  expect(await errorCodeOf(open(first))).toBe('no error');
});

test('a replacement of a link whose write the client repeats after a lost reply succeeds', async () => {
  const { org, blobs, ready, world, open } = createInMemoryBlobs();
  const blob = await ready();
  world.fate = (name) => (name === 'relink' ? 'repeated' : 'done');
  expect(await errorCodeOf(open((await blobs.replaceLink(org, blob.id)).link))).toBe('no error');
});
