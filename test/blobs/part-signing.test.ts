/** Parts of an upload: the granted parts never exceed the announced size, and uploaded parts are listed. */
import { describe, expect, test } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { chunk, createInMemoryBlobs, firstPart, laterPart, verifier, verifiers } from './in-memory-blob-stores.ts';

describe('parts', () => {
  const claim = (number: number, size: number) => ({ number, size, checksum: verifier(`${number}`) });
  const grantIn = async (size: number | undefined, ...claims: [number, number][]) => {
    const { org, blobs, uploads, world } = createInMemoryBlobs();
    const { id } = await blobs.create(org, { size });
    const code = await errorCodeOf(
      uploads.presignParts(org, id, { parts: claims.map(([number, of]) => claim(number, of)) }),
    );
    return { code, addresses: world.calls.filter((name) => name === 'partAddress').length };
  };
  const announced = firstPart + 2 * laterPart + 100;

  test.each<[string, number | undefined, [number, number][], string]>([
    [
      'all of an announced size',
      announced,
      [
        [1, firstPart],
        [2, laterPart],
        [3, laterPart],
        [4, 100],
      ],
      'no error',
    ],
    ['a last one that is longer', announced, [[4, 101]], 'invalid_request'],
    ['a last one that is shorter', announced, [[4, 99]], 'invalid_request'],
    ['one beyond the announced size', announced, [[5, 1]], 'invalid_request'],
    ['a first one that is not full', announced, [[1, firstPart - 1]], 'invalid_request'],
    ['a later one as long as the first', announced, [[2, firstPart]], 'invalid_request'],
    ['a last full one, when the size ends with it', firstPart + laterPart, [[2, laterPart]], 'no error'],
    ['one after that', firstPart + laterPart, [[3, 1]], 'invalid_request'],
    [
      'any that is shorter, without an announced size',
      undefined,
      [
        [1, 1],
        [2, laterPart - chunk],
        [900, 5],
      ],
      'no error',
    ],
    ['one longer than full, without an announced size', undefined, [[2, laterPart + 1]], 'invalid_request'],
    ['the last that the limit has room for', undefined, [[8192, laterPart - 8192 * 128 - 64]], 'no error'],
    ['one that would end beyond the limit', undefined, [[8192, laterPart - 8192 * 128 - 63]], 'blob_too_large'],
    ['one that would begin beyond it', undefined, [[8200, 1]], 'blob_too_large'],
    [
      'one that stands twice',
      announced,
      [
        [2, laterPart],
        [2, laterPart],
      ],
      'invalid_request',
    ],
  ])('%s', async (_, size, claims, code) => {
    expect(await grantIn(size, ...claims)).toEqual({ code, addresses: code === 'no error' ? claims.length : 0 });
  });

  test('are not for what is uploaded by form, complete, deleted, unknown, or too late', async () => {
    const { org, blobs, uploads, ready, pass } = createInMemoryBlobs();
    const parts = [claim(1, 5)];
    const byForm = await blobs.create(org, { size: 10 });
    expect(await errorCodeOf(uploads.presignParts(org, byForm.id, { parts }))).toBe('invalid_request');
    const { id } = await ready();
    expect(await errorCodeOf(uploads.presignParts(org, id, { parts }))).toBe('blob_completed');
    expect(await errorCodeOf(uploads.listParts(org, id, {}))).toBe('blob_completed');
    const deleted = await blobs.create(org, {});
    await blobs.delete(org, deleted.id);
    expect(await errorCodeOf(uploads.presignParts(org, deleted.id, { parts }))).toBe('blob_deleted');
    for (const unknown of ['01m7xpe6000123456789abcdef', '../x', '']) {
      expect(await errorCodeOf(uploads.presignParts(org, unknown, { parts }))).toBe('blob_not_found');
    }
    const late = await blobs.create(org, {});
    pass(limits.blobUploadSeconds);
    expect(await errorCodeOf(uploads.presignParts(org, late.id, { parts }))).toBe('blob_expired');
  });

  test('that have arrived are listed page by page; a cursor is of one blob', async () => {
    const { org, blobs, uploads, put } = createInMemoryBlobs();
    const [one, two] = [await blobs.create(org, {}), await blobs.create(org, {})];
    put(one.id, { number: 1, size: firstPart }, { number: 2, size: laterPart }, { number: 5, size: 7 });
    const first = await uploads.listParts(org, one.id, { limit: 2 });
    expect(first.parts.map(({ number, size }) => [number, size])).toEqual([
      [1, firstPart],
      [2, laterPart],
    ]);
    const second = await uploads.listParts(org, one.id, { limit: 2, cursor: first.cursor });
    expect(second).toMatchObject({ parts: [{ number: 5, size: 7 }] });
    expect(second).not.toHaveProperty('cursor');
    expect(JSON.stringify(first)).not.toContain('tag');
    expect(await errorCodeOf(uploads.listParts(org, two.id, { cursor: first.cursor }))).toBe('invalid_cursor');
  });

  test('that were joined by an interrupted completion: it is to be sent again', async () => {
    const { org, blobs, uploads, put, checksumOfParts, world } = createInMemoryBlobs();
    const { id } = await blobs.create(org, {});
    put(id, { number: 1, size: 5 });
    const request = { checksum: checksumOfParts(id), verifiers };
    world.fate = (name) => (name === 'setLifetime' ? 'before' : 'done');
    expect(await errorCodeOf(uploads.complete(org, id, request))).toBe('unavailable');
    expect(await errorCodeOf(uploads.listParts(org, id, {}))).toBe('blob_completed');
    world.fate = () => 'done';
    expect(await uploads.complete(org, id, request)).toMatchObject({ state: 'ready' });
  });

  test('whose upload was ended by S3 are gone', async () => {
    const { org, blobs, uploads, world } = createInMemoryBlobs();
    const { id } = await blobs.create(org, {});
    world.uploads.clear();
    expect(await errorCodeOf(uploads.listParts(org, id, {}))).toBe('blob_expired');
  });
});
