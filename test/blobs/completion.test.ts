/** Completion of uploads: the uploaded data must match the announcement, despite failures and concurrent changes. */
import { describe, expect, test } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import { objectLifetimeOf } from '../../lambdas/blobs/blob-state.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import {
  type CallOutcome,
  createInMemoryBlobs,
  firstPart,
  laterPart,
  retryUntilAnswered,
  verifier,
  verifiers,
} from './in-memory-blob-stores.ts';

const days = 86_400;
const monthAfter = (time: string) => Date.parse(time) / 1000 + 30 * days;

describe('a completion', () => {
  test('tells link and facts, and the object may stay as long as the blob', async () => {
    const { org, blobs, uploads, post, record, world } = createInMemoryBlobs();
    const made = await blobs.create(org, { size: 10, expiresIn: 3600, maxOpens: 3 });
    const checksum = post(made.id);
    const { link, url } = made;
    expect(await uploads.complete(org, made.id, { checksum, verifiers })).toEqual({
      id: made.id,
      state: 'ready',
      size: 10,
      createdAt: '2026-06-01T12:00:00.000Z',
      completedAt: '2026-06-01T12:00:00.000Z',
      expiresAt: '2026-06-01T13:00:00.000Z',
      openings: 0,
      maxOpens: 3,
      burn: false,
      link,
      url,
    });
    expect(world.objects.get(made.id)?.lifetime).toBe('2');
    expect(record(made.id).ttl).toBe(monthAfter('2026-06-01T13:00:00.000Z'));
  });

  test('of a blob without an expiry takes away the end that the upload had', async () => {
    const { ready, world } = createInMemoryBlobs();
    const blob = await ready();
    expect(blob.ttl).toBeUndefined();
    expect(world.objects.get(blob.id)?.lifetime).toBe('kept');
  });

  test.each([
    [undefined, 'kept'],
    [1, '2'],
    [2 * days - 1800, '2'],
    [2 * days, '8'],
    [7 * days, '8'],
    [30 * days, '31'],
    [90 * days, '91'],
    [limits.blobExpiryMax, '366'],
  ])('with an expiry of %s s lets the object live for %s days', async (expiresIn, lifetime) => {
    const { ready } = createInMemoryBlobs();
    expect(objectLifetimeOf(await ready({ expiresIn }))).toBe(lifetime);
  });

  test('of what is not there, or was posted with other contents or another size, is refused and may be sent again', async () => {
    const { org, blobs, uploads, post, record } = createInMemoryBlobs();
    const { id } = await blobs.create(org, { size: 10 });
    const checksum = verifier('x');
    expect(await errorCodeOf(uploads.complete(org, id, { checksum, verifiers }))).toBe('blob_not_uploaded');
    post(id);
    expect(await errorCodeOf(uploads.complete(org, id, { checksum, verifiers }))).toBe('upload_mismatch');
    const right = post(id, 'ciphertext', 11);
    expect(await errorCodeOf(uploads.complete(org, id, { checksum: right, verifiers }))).toBe('upload_mismatch');
    expect(record(id).state).toBe('uploading');
    post(id);
    expect(await errorCodeOf(uploads.complete(org, id, { checksum: right, verifiers }))).toBe('no error');
  });

  test.each<[string, [number, number][], string]>([
    ['without any', [], 'blob_not_uploaded'],
    [
      'with a gap',
      [
        [1, firstPart],
        [3, 5],
      ],
      'blob_not_uploaded',
    ],
    ['that begin at the second', [[2, 5]], 'blob_not_uploaded'],
    [
      'of which an earlier one is not full',
      [
        [1, firstPart - 1],
        [2, 5],
      ],
      'blob_not_uploaded',
    ],
    ['that are not all of the announced size', [[1, firstPart]], 'upload_mismatch'],
    [
      'that are more than the announced size',
      [
        [1, firstPart],
        [2, laterPart],
        [3, 101],
      ],
      'upload_mismatch',
    ],
  ])('of parts %s is refused before they are joined', async (_, parts, code) => {
    const { org, blobs, uploads, put, checksumOfParts, world } = createInMemoryBlobs();
    const { id } = await blobs.create(org, { size: firstPart + laterPart + 100 });
    put(id, ...parts.map(([number, size]) => ({ number, size })));
    expect(await errorCodeOf(uploads.complete(org, id, { checksum: checksumOfParts(id), verifiers }))).toBe(code);
    expect(world.calls).not.toContain('join');
    put(id, { number: 1, size: firstPart }, { number: 2, size: laterPart }, { number: 3, size: 100 });
    const checksum = checksumOfParts(id);
    expect(await errorCodeOf(uploads.complete(org, id, { checksum, verifiers }))).toBe('no error');
  });

  test('of parts with another checksum is refused before they are joined: a wrong part can be sent again', async () => {
    const { org, blobs, uploads, put, checksumOfParts, world } = createInMemoryBlobs();
    const { id } = await blobs.create(org, {});
    put(id, { number: 1, size: 5 });
    const checksum = checksumOfParts(id);
    put(id, { number: 1, size: 5 });
    expect(await errorCodeOf(uploads.complete(org, id, { checksum, verifiers }))).toBe('upload_mismatch');
    expect(world.calls).not.toContain('join');
  });

  test('of parts of which one changes while they are joined is refused', async () => {
    const { org, blobs, uploads, put, checksumOfParts, world } = createInMemoryBlobs();
    const { id } = await blobs.create(org, {});
    put(id, { number: 1, size: 5 });
    world.intrude = async (name) => {
      if (name === 'join') put(id, { number: 1, size: 5 });
    };
    const request = { checksum: checksumOfParts(id), verifiers };
    expect(await errorCodeOf(uploads.complete(org, id, request))).toBe('blob_not_uploaded');
  });

  test('of parts without an announced size counts what has arrived, and no more than is allowed', async () => {
    const { org, blobs, uploads, put, checksumOfParts, record } = createInMemoryBlobs({ maxBytes: firstPart + 10 });
    const { id } = await blobs.create(org, {});
    put(id, { number: 1, size: firstPart }, { number: 2, size: 11 });
    const over = { checksum: checksumOfParts(id), verifiers };
    expect(await errorCodeOf(uploads.complete(org, id, over))).toBe('blob_too_large');
    put(id, { number: 2, size: 10 });
    await uploads.complete(org, id, { checksum: checksumOfParts(id), verifiers });
    expect(record(id)).toMatchObject({ state: 'ready', size: firstPart + 10 });
    expect(record(id).uploadId).toBeUndefined();
  });

  test('of more parts than one list tells reads all of them', async () => {
    const { org, blobs, uploads, put, checksumOfParts, world, record } = createInMemoryBlobs();
    const { id } = await blobs.create(org, {});
    for (let n = 1; n <= 2001; n++) put(id, { number: n, size: n === 1 ? firstPart : laterPart });
    await uploads.complete(org, id, { checksum: checksumOfParts(id), verifiers });
    expect(record(id).size).toBe(firstPart + 2000 * laterPart);
    expect(world.calls.filter((name) => name === 'parts')).toHaveLength(3);
  });

  test('that differs from the first is refused; the same gets the same answer, also when the blob has ended since', async () => {
    const { org, blobs, uploads, post, pass } = createInMemoryBlobs();
    const { id } = await blobs.create(org, { size: 10, expiresIn: 60 });
    const checksum = post(id);
    const first = await uploads.complete(org, id, { checksum, verifiers });
    for (const other of [
      { checksum: verifier('x'), verifiers },
      { checksum, verifiers: { ...verifiers, open: verifier('x') } },
      { checksum, verifiers: { ...verifiers, burn: verifier('x') } },
    ]) {
      expect(await errorCodeOf(uploads.complete(org, id, other))).toBe('blob_completed');
    }
    expect(await uploads.complete(org, id, { checksum, verifiers })).toEqual(first);
    pass(60);
    expect(await uploads.complete(org, id, { checksum, verifiers })).toEqual({ ...first, state: 'expired' });
  });

  test('after its time is refused, and so is one after the expiry', async () => {
    for (const [options, seconds] of [
      [{}, limits.blobUploadSeconds],
      [{ expiresIn: 60 }, 60],
    ] as const) {
      const { org, blobs, uploads, post, pass, world } = createInMemoryBlobs();
      const { id } = await blobs.create(org, { size: 10, ...options });
      const checksum = post(id);
      pass(seconds);
      expect(await errorCodeOf(uploads.complete(org, id, { checksum, verifiers }))).toBe('blob_expired');
      expect(world.objects.size).toBe(0);
      expect(world.forms.get(id)?.lifetime).toBe('unfinished');
    }
  });

  test('by form copies what was uploaded: whatever is posted later, readers get what was completed', async () => {
    const { org, blobs, uploads, post, world, record, open } = createInMemoryBlobs();
    const { id, link } = await blobs.create(org, { size: 10 });
    const checksum = post(id);
    await uploads.complete(org, id, { checksum, verifiers });
    expect(world.forms.size).toBe(0);
    const other = post(id, 'other-text');
    expect(other).not.toBe(checksum);
    expect(await errorCodeOf(uploads.complete(org, id, { checksum: other, verifiers }))).toBe('blob_completed');
    expect(world.objects.get(id)).toMatchObject({ checksum, lifetime: 'kept' });
    expect(record(id).checksum).toBe(checksum);
    expect(await errorCodeOf(open(link))).toBe('no error');
  });

  test.each(['copy', 'deleteForm', 'complete'])(
    'by form, into which another file is posted before its call of %s, is of the announced file or refused',
    async (overtaken) => {
      const { org, blobs, uploads, post, world, record } = createInMemoryBlobs();
      const { id } = await blobs.create(org, { size: 10 });
      const checksum = post(id);
      world.intrude = async (name) => {
        if (name === overtaken) post(id, 'other-text');
      };
      const code = await errorCodeOf(uploads.complete(org, id, { checksum, verifiers }));
      expect(code).toBe(overtaken === 'copy' ? 'blob_not_uploaded' : 'no error');
      expect(record(id).state).toBe(overtaken === 'copy' ? 'uploading' : 'ready');
      expect(world.objects.get(id)?.checksum).toBe(overtaken === 'copy' ? undefined : checksum);
    },
  );

  test('by form, of which the copy is another file although S3 reported no change, is refused', async () => {
    const { org, blobs, uploads, post, world } = createInMemoryBlobs();
    const { id } = await blobs.create(org, { size: 10 });
    const checksum = post(id);
    const tag = world.forms.get(id)?.tag ?? '';
    world.intrude = async (name) => {
      if (name !== 'copy') return;
      post(id, 'other-text');
      const posted = world.forms.get(id);
      // Two contents with the same MD5.
      if (posted !== undefined) posted.tag = tag;
    };
    expect(await errorCodeOf(uploads.complete(org, id, { checksum, verifiers }))).toBe('upload_mismatch');
  });

  test('by form twice at once with two files changes the object only once', async () => {
    const { org, blobs, uploads, post, world, record, open } = createInMemoryBlobs();
    const { id, link } = await blobs.create(org, { size: 10 });
    const first = post(id);
    let second = '';
    world.intrude = async (name) => {
      if (name !== 'complete') return;
      world.intrude = async () => {};
      second = post(id, 'other-text');
      expect(await errorCodeOf(uploads.complete(org, id, { checksum: second, verifiers }))).toBe('upload_mismatch');
    };
    await uploads.complete(org, id, { checksum: first, verifiers });
    expect([world.objects.get(id)?.checksum, record(id).checksum]).toEqual([first, first]);
    expect(await errorCodeOf(open(link))).toBe('no error');
  });

  test.each(['findForm', 'copy', 'deleteForm', 'find', 'complete'])(
    'by form that a deletion overtakes before its call of %s leaves no object and says that it was deleted',
    async (overtaken) => {
      const { org, blobs, uploads, post, world, record } = createInMemoryBlobs();
      const { id } = await blobs.create(org, { size: 10 });
      const checksum = post(id);
      world.intrude = async (name) => {
        if (name !== overtaken) return;
        world.intrude = async () => {};
        expect(await blobs.delete(org, id)).toEqual({ deleted: true });
      };
      expect(await errorCodeOf(uploads.complete(org, id, { checksum, verifiers }))).toBe('blob_deleted');
      expect([world.objects.size, world.forms.size, record(id).state]).toEqual([0, 0, 'deleted']);
    },
  );

  test.each(['delete', 'deleteForm', 'deleteObject'])(
    'by form that was about to copy, and does so before a deletion’s call of %s, leaves no object either',
    async (between) => {
      const { org, blobs, uploads, post, world, record } = createInMemoryBlobs();
      const { id } = await blobs.create(org, { size: 10 });
      const checksum = post(id);
      const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      let completing: Promise<string> | undefined;
      let isDeleting = false;
      world.intrude = async (name) => {
        if (name === 'copy') {
          reached.resolve();
          await released.promise;
        } else if (isDeleting && name === between) {
          isDeleting = false;
          released.resolve();
          await completing;
        }
      };
      completing = errorCodeOf(uploads.complete(org, id, { checksum, verifiers }));
      await reached.promise;
      isDeleting = true;
      await blobs.delete(org, id);
      expect([world.objects.size, world.forms.size, record(id).state]).toEqual([0, 0, 'deleted']);
    },
  );

  const steps = Array.from({ length: 9 }, (_, n) => n + 1);
  const fates: CallOutcome[] = ['before', 'after', 'repeated'];
  test.each(['form', 'parts'].flatMap((kind) => steps.flatMap((n) => fates.map((fate) => [kind, n, fate] as const))))(
    'by %s, of which call %i fails (%s): repeated, it is complete',
    async (kind, n, fate) => {
      const { org, blobs, uploads, post, put, checksumOfParts, world, record } = createInMemoryBlobs();
      const { id, link } = await blobs.create(org, kind === 'form' ? { size: 10 } : {});
      if (kind === 'parts') put(id, { number: 1, size: firstPart }, { number: 2, size: 9 });
      const checksum = kind === 'form' ? post(id) : checksumOfParts(id);
      world.calls.length = 0;
      world.fate = (_, nth) => (nth === n ? fate : 'done');
      const answer = await retryUntilAnswered(() => uploads.complete(org, id, { checksum, verifiers }));
      expect(answer).toMatchObject({ state: 'ready', link });
      expect(record(id)).toMatchObject({ state: 'ready', checksum, openVerifier: verifiers.open });
      expect(world.objects.get(id)).toMatchObject({ lifetime: 'kept', checksum });
    },
  );

  test.each(['parts', 'join', 'find', 'setLifetime', 'complete'])(
    'that a deletion overtakes before its call of %s leaves no object and says that it was deleted',
    async (overtaken) => {
      const { org, blobs, uploads, put, checksumOfParts, world, record } = createInMemoryBlobs();
      const { id } = await blobs.create(org, {});
      put(id, { number: 1, size: 5 });
      const checksum = checksumOfParts(id);
      world.intrude = async (name) => {
        if (name !== overtaken) return;
        world.intrude = async () => {};
        expect(await blobs.delete(org, id)).toEqual({ deleted: true });
      };
      expect(await errorCodeOf(uploads.complete(org, id, { checksum, verifiers }))).toBe('blob_deleted');
      expect([world.objects.size, world.uploads.size, record(id).state]).toEqual([0, 0, 'deleted']);
    },
  );

  test.each(['delete', 'abort', 'deleteObject'])(
    'that comes between a deletion, before its call of %s, leaves no object either',
    async (between) => {
      const { org, blobs, uploads, put, checksumOfParts, world, record } = createInMemoryBlobs();
      const { id } = await blobs.create(org, {});
      put(id, { number: 1, size: 5 });
      const checksum = checksumOfParts(id);
      world.intrude = async (name) => {
        if (name !== between) return;
        world.intrude = async () => {};
        await errorCodeOf(uploads.complete(org, id, { checksum, verifiers }));
      };
      await blobs.delete(org, id);
      expect([world.objects.size, world.uploads.size, record(id).state]).toEqual([0, 0, 'deleted']);
    },
  );

  test.each(['delete', 'abort', 'deleteObject'])(
    'that was about to join its parts, and does so before a deletion’s call of %s, leaves no object either',
    async (between) => {
      const { org, blobs, uploads, put, checksumOfParts, world, record } = createInMemoryBlobs();
      const { id } = await blobs.create(org, {});
      put(id, { number: 1, size: 5 });
      const checksum = checksumOfParts(id);
      const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      let completing: Promise<string> | undefined;
      world.intrude = async (name) => {
        if (name === 'join') {
          reached.resolve();
          await released.promise;
        } else if (name === between) {
          released.resolve();
          await completing;
        }
      };
      completing = errorCodeOf(uploads.complete(org, id, { checksum, verifiers }));
      await reached.promise;
      await blobs.delete(org, id);
      expect([world.objects.size, world.uploads.size, record(id).state]).toEqual([0, 0, 'deleted']);
    },
  );

  test('of a blob whose record a shredding removes meanwhile makes no record', async () => {
    const { org, blobs, uploads, post, world } = createInMemoryBlobs();
    const { id } = await blobs.create(org, { size: 10 });
    const checksum = post(id);
    world.intrude = async (name) => void (name === 'complete' && world.records.clear());
    expect(await errorCodeOf(uploads.complete(org, id, { checksum, verifiers }))).toBe('blob_not_found');
    expect(world.records.size).toBe(0);
  });

  test('twice at once: both get the answer; two that differ: one', async () => {
    const { org, blobs, uploads, post, world } = createInMemoryBlobs();
    const { id } = await blobs.create(org, { size: 10 });
    const request = { checksum: post(id), verifiers };
    const both = await Promise.all([uploads.complete(org, id, request), uploads.complete(org, id, request)]);
    expect(both[0]).toEqual(both[1]);
    expect(world.calls.filter((name) => name === 'complete')).toHaveLength(2);
    const other = await blobs.create(org, { size: 10 });
    const checksum = post(other.id);
    const codes = await Promise.all([
      errorCodeOf(uploads.complete(org, other.id, { checksum, verifiers })),
      errorCodeOf(uploads.complete(org, other.id, { checksum, verifiers: { ...verifiers, open: verifier('x') } })),
    ]);
    expect(codes.sort()).toEqual(['blob_completed', 'no error']);
  });
});
