/** Blob objects in the S3 emulator: a presigned request allows exactly the request that was signed. */
import { createHash, randomBytes } from 'node:crypto';
import { GetObjectTaggingCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { randomId } from '../../core/encoding/random-id.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { S3Objects } from '../../lambdas/blobs/stores/s3-objects.ts';
import type { InjectedFault } from '../../local/aws/endpoint/engine-hooks.ts';
import { Bucket, type S3Fixture, startS3Fixture } from '../local/s3-client-fixture.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';

const settings = { requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' } as const;
const sha256 = (...parts: Uint8Array[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('base64');
};

let s3: S3Fixture;
let objects: S3Objects;
const org = randomId();
let id: string;

beforeAll(async () => {
  s3 = await startS3Fixture(null);
  const client = s3.client(settings);
  objects = new S3Objects(() => client, Bucket);
});
afterAll(async () => await s3.close());
beforeEach(() => {
  s3.hooks = {};
  id = createTimeId(Date.now(), randomBytes(16));
});

const lifetime = async (what: 'enc' | 'form' = 'enc') => {
  const command = new GetObjectTaggingCommand({ Bucket, Key: `${org}/${id}.${what}` });
  return (await s3.client().send(command)).TagSet;
};

/** Posts the form of an upload ticket, optionally with other fields. */
async function post(
  { url, fields }: { url: string; fields: Record<string, string> },
  content: Uint8Array<ArrayBuffer>,
  others: Record<string, string> = {},
): Promise<number> {
  const form = new FormData();
  const all = { ...fields, 'x-amz-checksum-sha256': sha256(content), ...others };
  for (const [name, value] of Object.entries(all)) form.append(name, value);
  form.append('file', new Blob([content]));
  return (await fetch(url, { method: 'POST', body: form })).status;
}

describe('a form', () => {
  const content = Uint8Array.from(randomBytes(1000));

  test('takes exactly what was announced, which is unfinished until it is completed', async () => {
    expect(await objects.findFormUpload(org, id)).toBeUndefined();
    expect(await post(await objects.presignForm(org, id, 1000), content)).toBe(204);
    expect(await objects.findObject(org, id)).toBeUndefined();
    expect(await lifetime('form')).toEqual([{ Key: 'lifetime', Value: 'unfinished' }]);
    const posted = await objects.findFormUpload(org, id);
    expect(posted).toEqual({ size: 1000, tag: expect.any(String), checksum: sha256(content) });
    await objects.copyFormUpload(org, id, posted?.tag ?? '', '2');
    expect(await objects.findObject(org, id)).toEqual(posted);
    expect(await lifetime()).toEqual([{ Key: 'lifetime', Value: '2' }]);
    await objects.deleteFormUpload(org, id);
    await objects.deleteFormUpload(org, id);
    expect(await objects.findFormUpload(org, id)).toBeUndefined();
    expect(await objects.setLifetimeTag(org, id, '8')).toBe(true);
    expect(await lifetime()).toEqual([{ Key: 'lifetime', Value: '8' }]);
    await objects.deleteObject(org, id);
    await objects.deleteObject(org, id);
    expect(await objects.findObject(org, id)).toBeUndefined();
    expect(await objects.setLifetimeTag(org, id, '8')).toBe(false);
  });

  test('is copied once, if it is still what was checked, and never changes the copy', async () => {
    const other = Uint8Array.from(randomBytes(1000));
    const ticket = await objects.presignForm(org, id, 1000);
    await post(ticket, content);
    const tag = (await objects.findFormUpload(org, id))?.tag ?? '';
    await post(ticket, other);
    await objects.copyFormUpload(org, id, tag, 'kept');
    expect(await objects.findObject(org, id)).toBeUndefined();
    await post(ticket, content);
    await objects.copyFormUpload(org, id, tag, 'kept');
    // A retry after a lost reply finds the copy.
    await objects.copyFormUpload(org, id, tag, 'kept');
    await post(ticket, other);
    await objects.copyFormUpload(org, id, (await objects.findFormUpload(org, id))?.tag ?? '', 'kept');
    expect(await objects.findObject(org, id)).toMatchObject({ checksum: sha256(content) });
    await objects.deleteFormUpload(org, id);
    await objects.copyFormUpload(org, createTimeId(5, randomBytes(16)), tag, 'kept');
  });

  test.each<[string, number, Record<string, string>]>([
    ['a byte more', 999, {}],
    ['a byte less', 1001, {}],
    ['another checksum', 1000, { 'x-amz-checksum-sha256': sha256(randomBytes(9)) }],
    ['another object', 1000, { key: `${org}/other.form` }],
    ['another org’s object', 1000, { key: `${randomId()}/x.enc` }],
    ['a media type that browsers show', 1000, { 'Content-Type': 'text/html' }],
    [
      'a tag that lets it stay',
      1000,
      { tagging: '<Tagging><TagSet><Tag><Key>lifetime</Key><Value>kept</Value></Tag></TagSet></Tagging>' },
    ],
    ['no checksum algorithm', 1000, { 'x-amz-checksum-algorithm': 'CRC32' }],
    ['a field of its own', 1000, { 'x-amz-meta-name': 'secret plan.pdf' }],
  ])('does not take %s', async (_, size, others) => {
    expect(await post(await objects.presignForm(org, id, size), content, others)).toBeGreaterThanOrEqual(400);
    expect(await objects.findFormUpload(org, id)).toBeUndefined();
    expect(await objects.findObject(org, id)).toBeUndefined();
  });
});

describe('parts', () => {
  const first = Uint8Array.from(randomBytes(5 * 2 ** 20));
  const second = Uint8Array.from(randomBytes(100));
  const put = async (
    { url, headers }: { url: string; headers: Record<string, string> },
    body: Uint8Array<ArrayBuffer>,
  ) => (await fetch(url, { method: 'PUT', headers, body })).status;
  const grant = (uploadId: string, number: number, content: Uint8Array, size = content.length) =>
    objects.presignPart(org, id, uploadId, { number, size, checksum: sha256(content) });

  test('are joined to an object whose checksum is that of their checksums', async () => {
    const uploadId = await objects.startMultipartUpload(org, id);
    expect(await objects.listParts(org, id, uploadId, 0, 1000)).toEqual({ items: [], more: false });
    expect(await put(await grant(uploadId, 1, first), first)).toBe(200);
    expect(await put(await grant(uploadId, 2, second), second)).toBe(200);
    const listed = await objects.listParts(org, id, uploadId, 0, 1);
    expect(listed).toMatchObject({ items: [{ number: 1, size: first.length, checksum: sha256(first) }], more: true });
    expect(await objects.listParts(org, id, uploadId, 1, 1)).toMatchObject({ items: [{ number: 2 }], more: false });
    const all = (await objects.listParts(org, id, uploadId, 0, 1000))?.items ?? [];
    await objects.completeMultipartUpload(org, id, uploadId, all);
    const digests = [first, second].map((part) => Buffer.from(sha256(part), 'base64'));
    expect(await objects.findObject(org, id)).toEqual({
      size: first.length + second.length,
      tag: expect.any(String),
      checksum: `${sha256(...digests)}-2`,
    });
    expect(await lifetime()).toEqual([{ Key: 'lifetime', Value: 'unfinished' }]);
    // A retry after a lost reply finds this state.
    await objects.completeMultipartUpload(org, id, uploadId, all);
    expect(await objects.listParts(org, id, uploadId, 0, 1000)).toBeUndefined();
    await objects.abortMultipartUpload(org, id, uploadId);
    expect(await objects.findObject(org, id)).toBeDefined();
  });

  test('of which one is another by then are not joined', async () => {
    const uploadId = await objects.startMultipartUpload(org, id);
    await put(await grant(uploadId, 1, second), second);
    const all = (await objects.listParts(org, id, uploadId, 0, 1000))?.items ?? [];
    const other = Uint8Array.from(randomBytes(100));
    await put(await grant(uploadId, 1, other), other);
    await objects.completeMultipartUpload(org, id, uploadId, all);
    expect(await objects.findObject(org, id)).toBeUndefined();
    await objects.abortMultipartUpload(org, id, uploadId);
    await objects.abortMultipartUpload(org, id, uploadId);
    expect(await objects.listParts(org, id, uploadId, 0, 1000)).toBeUndefined();
    const { Uploads } = await s3.client().send(new ListMultipartUploadsCommand({ Bucket }));
    expect(Uploads ?? []).toEqual([]);
  });

  test('are of the length and checksum that were granted, under the number that was granted, and nothing else', async () => {
    const uploadId = await objects.startMultipartUpload(org, id);
    const granted = await grant(uploadId, 2, second);
    const signed = new URL(granted.url).searchParams.get('X-Amz-SignedHeaders')?.split(';');
    expect(signed).toEqual(['content-length', 'host', 'x-amz-checksum-sha256']);
    const other = Uint8Array.from(randomBytes(100));
    expect(await put(granted, other)).toBeGreaterThanOrEqual(400);
    expect(await put({ ...granted, headers: { 'x-amz-checksum-sha256': sha256(other) } }, other)).toBe(403);
    expect(await put({ ...granted, headers: {} }, second)).toBe(403);
    expect(await put(await grant(uploadId, 2, second, 99), second)).toBe(403);
    expect(await put({ ...granted, url: granted.url.replace('partNumber=2', 'partNumber=3') }, second)).toBe(403);
    expect(await put({ ...granted, url: granted.url.replace(org, randomId()) }, second)).toBe(403);
    expect(await objects.listParts(org, id, uploadId, 0, 1000)).toEqual({ items: [], more: false });
    expect(await put(granted, second)).toBe(200);
  });
});

test('an address gives the object, whole or by ranges, as bytes that no browser shows; and no other object', async () => {
  const content = Uint8Array.from(randomBytes(1000));
  await post(await objects.presignForm(org, id, 1000), content);
  await objects.copyFormUpload(org, id, (await objects.findFormUpload(org, id))?.tag ?? '', 'kept');
  const url = await objects.presignDownload(org, id);
  const whole = await fetch(url);
  expect(whole.headers.get('content-type')).toBe('application/octet-stream');
  expect(new Uint8Array(await whole.arrayBuffer())).toEqual(content);
  const range = await fetch(url, { headers: { range: 'bytes=10-19' } });
  expect([range.status, new Uint8Array(await range.arrayBuffer())]).toEqual([206, content.slice(10, 20)]);
  expect((await fetch(url.replace(id, createTimeId(0, randomBytes(16))))).status).toBe(403);
  expect((await fetch(url, { method: 'DELETE' })).status).toBe(403);
});

test('all objects of an org are listed and deleted, and none of another whose id begins alike', async () => {
  const [mine, other] = [randomId(), randomId()];
  for (const [of, n] of [
    [mine, 1],
    [mine, 2],
    [other, 3],
  ] as const) {
    const name = createTimeId(n, randomBytes(16));
    await post(await objects.presignForm(of, name, 3), Uint8Array.of(1, 2, 3));
  }
  const listed = await objects.listKeys(mine, undefined);
  expect([listed.items.length, listed.more]).toEqual([2, false]);
  expect(await objects.listKeys(mine, listed.items[0])).toEqual({ items: listed.items.slice(1), more: false });
  await objects.deleteKeys(mine, listed.items);
  expect(await objects.listKeys(mine, undefined)).toEqual({ items: [], more: false });
  expect((await objects.listKeys(other, undefined)).items).toHaveLength(1);
});

describe('a failure of S3', () => {
  const faults: Record<string, InjectedFault> = {
    throttled: { type: 'SlowDown', status: 503, message: 'SECRET-OF-S3' },
    broken: { type: 'InternalError', status: 500, message: 'SECRET-OF-S3' },
    unreachable: 'drop-before',
  };
  const calls: Record<string, (one: S3Objects) => Promise<unknown>> = {
    begin: (one) => one.startMultipartUpload(org, id),
    parts: (one) => one.listParts(org, id, 'x', 0, 10),
    join: (one) => one.completeMultipartUpload(org, id, 'x', [{ number: 1, size: 1, checksum: sha256(), tag: '"x"' }]),
    find: (one) => one.findObject(org, id),
    findForm: (one) => one.findFormUpload(org, id),
    copy: (one) => one.copyFormUpload(org, id, 'x', '2'),
    deleteForm: (one) => one.deleteFormUpload(org, id),
    setLifetime: (one) => one.setLifetimeTag(org, id, '2'),
    abort: (one) => one.abortMultipartUpload(org, id, 'x'),
    delete: (one) => one.deleteObject(org, id),
    list: (one) => one.listKeys(org, undefined),
    deleteAll: (one) => one.deleteKeys(org, [`${org}/x`]),
  };
  test.each(Object.keys(calls).flatMap((call) => Object.keys(faults).map((fault) => [call, fault] as const)))(
    '%s, %s: unavailable, and nothing of what S3 said',
    async (call, fault) => {
      s3.hooks = { before: () => faults[fault] };
      const failed = calls[call]?.(objects) ?? expect.fail();
      expect(await errorCodeOf(failed)).toBe('unavailable');
      const error: unknown = await failed.catch((thrown: unknown) => thrown);
      expect(JSON.stringify(error)).not.toContain('SECRET');
      expect(error).toMatchObject({ extras: { detail: expect.any(String) } });
    },
  );

  test('that says 403 means that there is nothing, where what is not there is answered so; elsewhere it is no plain failure', async () => {
    s3.hooks = { before: () => ({ type: 'AccessDenied', status: 403, message: 'SECRET-OF-S3' }) };
    // S3 sends this error for a missing object to a caller without list permission.
    expect(await objects.findObject(org, id)).toBeUndefined();
    expect(await objects.setLifetimeTag(org, id, '2')).toBe(false);
    await expect(objects.deleteObject(org, id)).rejects.toMatchObject({ name: 'AccessDenied' });
  });
});
