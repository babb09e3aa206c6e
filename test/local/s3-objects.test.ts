import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectAclCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectTaggingCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { EngineCall } from '../../local/aws/endpoint/engine-hooks.ts';
import { Bucket, type S3Fixture, startS3Fixture } from './s3-client-fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'anima-s3-test-'));
const files = (part: string) => readdirSync(join(folder, Bucket, part));
const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest('base64');
const md5 = (data: Buffer | string) => createHash('md5').update(data).digest('hex');

let made: S3Fixture;
let client: S3Client;
beforeAll(async () => {
  made = await startS3Fixture(folder);
  client = made.client();
});
afterEach(() => {
  made.hooks = {};
  expect(made.errors).toEqual([]);
});
afterAll(async () => {
  await made.close();
  rmSync(folder, { recursive: true, force: true });
});

const put = (
  Key: string,
  Body: NonNullable<PutObjectCommandInput['Body']>,
  more: Partial<PutObjectCommandInput> = {},
) => client.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
const get = async (Key: string, more: object = {}) => {
  const { Body, ...rest } = await client.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return { ...rest, body: Buffer.from((await Body?.transformToByteArray()) ?? []) };
};
const keys = async (Prefix: string) =>
  ((await client.send(new ListObjectsV2Command({ Bucket, Prefix }))).Contents ?? []).map(({ Key }) => Key);

describe('an object', () => {
  test('comes back as it was put, with what was said of it, and its ETag is its MD5', async () => {
    const data = randomBytes(200_000);
    const Key = '../a b/ü&<\r>/..%2F';
    const about = {
      ContentType: 'image/png',
      Metadata: { org: 'a' },
      CacheControl: 'no-store',
      Tagging: 'a=1&b=x%20y',
    };
    const stored = await put(Key, data, { ...about, ChecksumSHA256: sha256(data) });
    expect(stored).toMatchObject({
      ETag: `"${md5(data)}"`,
      ChecksumSHA256: sha256(data),
      ServerSideEncryption: 'AES256',
    });
    const { body, ...got } = await get(Key);
    expect(body.equals(data)).toBe(true);
    expect(got).toMatchObject({
      ContentType: 'image/png',
      Metadata: { org: 'a' },
      CacheControl: 'no-store',
      TagCount: 2,
    });
    const head = await client.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
    expect(head).toMatchObject({ ContentLength: 200_000, ChecksumSHA256: sha256(data), ChecksumType: 'FULL_OBJECT' });
    expect(await client.send(new HeadObjectCommand({ Bucket, Key }))).not.toHaveProperty('ChecksumSHA256');
    expect(await keys('../')).toEqual([Key]);
    expect(files('data')).toHaveLength(1);
  });

  test('of unknown kind, empty or streamed in chunks with a trailing checksum, comes back too', async () => {
    await put('empty', '', { ContentLength: 0 });
    expect((await get('empty')).body).toHaveLength(0);
    const content = `one${'two'.repeat(50_000)}three`;
    const path = join(folder, 'streamed');
    writeFileSync(path, content);
    await put('streamed', createReadStream(path));
    expect(await get('streamed')).toMatchObject({
      body: Buffer.from(content),
      ContentType: 'application/octet-stream',
      ChecksumCRC32: expect.stringMatching(/^.{6}==$/),
    });
    expect(await get('streamed')).not.toHaveProperty('ContentEncoding');
  });

  test('is read in ranges, and only while it is the one that is meant', async () => {
    const { ETag = '' } = await put('ranged', '0123456789');
    const range = async (Range: string) => {
      const { body, ContentRange, $metadata } = await get('ranged', { Range });
      return [$metadata.httpStatusCode, body.toString(), ContentRange];
    };
    expect(await range('bytes=2-4')).toEqual([206, '234', 'bytes 2-4/10']);
    expect(await range('bytes=8-')).toEqual([206, '89', 'bytes 8-9/10']);
    expect(await range('bytes=8-99')).toEqual([206, '89', 'bytes 8-9/10']);
    expect(await range('bytes=-3')).toEqual([206, '789', 'bytes 7-9/10']);
    expect(await range('bytes=5-2')).toEqual([200, '0123456789', undefined]);
    for (const Range of ['bytes=10-', 'bytes=-0']) {
      await expect(get('ranged', { Range })).rejects.toMatchObject({
        name: 'InvalidRange',
        $metadata: { httpStatusCode: 416 },
      });
    }
    expect((await get('ranged', { IfMatch: ETag })).body.toString()).toBe('0123456789');
    await expect(get('ranged', { IfMatch: '"other"' })).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await expect(get('ranged', { IfNoneMatch: ETag })).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } });
  });

  test('is made only once by If-None-Match, and replaced by If-Match only as it was', async () => {
    const { ETag = '' } = await put('once', 'a', { IfNoneMatch: '*' });
    await expect(put('once', 'b', { IfNoneMatch: '*' })).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await expect(put('once', 'b', { IfMatch: '"other"' })).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await put('once', 'c', { IfMatch: ETag });
    expect((await get('once')).body.toString()).toBe('c');
  });

  test('is gone once deleted, alone or with others, bytes and all', async () => {
    for (const key of ['gone/1', 'gone/2', 'gone/3']) await put(key, key);
    const before = files('data').length;
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'gone/1' }));
    const Objects = ['gone/2', 'gone/3', 'gone/none'].map((Key) => ({ Key }));
    const { Deleted } = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(Deleted).toEqual(Objects);
    expect(await keys('gone/')).toEqual([]);
    expect(files('data')).toHaveLength(before - 3);
    await expect(get('gone/1')).rejects.toMatchObject({ name: 'NoSuchKey' });
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'gone/1' }));
  });

  test('that is replaced while it is read is read to its end as it was', async () => {
    const [first, second] = [randomBytes(8_000_000), randomBytes(10)];
    await put('replaced', first);
    const before = files('data').length;
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: 'replaced' }));
    await put('replaced', second);
    expect(sha256(Buffer.from((await Body?.transformToByteArray()) ?? []))).toBe(sha256(first));
    expect((await get('replaced')).body).toEqual(second);
    await expect.poll(() => files('data').length).toBe(before);
  });

  test('has tags that can be replaced, ten at most', async () => {
    await put('tagged', 'x', { Tagging: 'a=1' });
    const tag = (TagSet: { Key: string; Value: string }[]) =>
      client.send(new PutObjectTaggingCommand({ Bucket, Key: 'tagged', Tagging: { TagSet } }));
    const tags = async () => (await client.send(new GetObjectTaggingCommand({ Bucket, Key: 'tagged' }))).TagSet;
    expect(await tags()).toEqual([{ Key: 'a', Value: '1' }]);
    await tag([{ Key: 'state', Value: 'ready & <done>' }].map((one) => ({ ...one, Value: 'ready' })));
    expect(await tags()).toEqual([{ Key: 'state', Value: 'ready' }]);
    await expect(tag([{ Key: 'a', Value: '<' }])).rejects.toMatchObject({ name: 'InvalidTag' });
    const eleven = Array.from({ length: 11 }, (_, i) => ({ Key: `k${i}`, Value: '' }));
    await expect(tag(eleven)).rejects.toMatchObject({ name: 'BadRequest' });
    await expect(put('tagged', 'x', { Tagging: 'a=1&a=2' })).rejects.toMatchObject({ name: 'InvalidArgument' });
    expect(await tags()).toEqual([{ Key: 'state', Value: 'ready' }]);
  });

  test.each<[string, Partial<PutObjectCommandInput>, string]>([
    ['its SHA-256', { ChecksumSHA256: sha256('other') }, 'BadDigest'],
    ['its CRC-32', { ChecksumCRC32: 'AAAAAA==' }, 'BadDigest'],
    ['its MD5', { ContentMD5: Buffer.from(md5('other'), 'hex').toString('base64') }, 'BadDigest'],
    ['no checksum at all', { ChecksumSHA256: 'abc' }, 'InvalidRequest'],
    ['an ACL', { ACL: 'public-read' }, 'AccessControlListNotSupported'],
    ['a storage class', { StorageClass: 'GLACIER' }, 'NotImplemented'],
    ['a key too long', { Key: 'k'.repeat(1025) }, 'KeyTooLongError'],
  ])('that does not fit %s is refused and leaves nothing', async (_, input, name) => {
    const before = files('data');
    await expect(put('refused', 'data', input)).rejects.toMatchObject({ name });
    expect(await keys('refused')).toEqual([]);
    expect(files('data')).toEqual(before);
  });

  test('is listed in the order of bytes, page by page', async () => {
    const wanted = ['list/a', 'list/a/b', 'list/b', 'list/\u{ff5e}', 'list/\u{1f600}'];
    for (const key of wanted.toReversed()) await put(key, key);
    const found: (string | undefined)[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await client.send(
        new ListObjectsV2Command({ Bucket, Prefix: 'list/', MaxKeys: 2, ContinuationToken }),
      );
      expect(page.KeyCount).toBe(page.Contents?.length);
      found.push(...(page.Contents ?? []).map(({ Key }) => Key));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    expect(found).toEqual(wanted);
  });
});

describe('an upload in parts', () => {
  const MiB = 1024 ** 2;
  const begin = async (Key: string, more: object = {}) => {
    const input = { Bucket, Key, ChecksumAlgorithm: 'SHA256', ChecksumType: 'COMPOSITE', ...more } as const;
    return (await client.send(new CreateMultipartUploadCommand(input))).UploadId ?? '';
  };
  const part = async (Key: string, UploadId: string, PartNumber: number, Body: Buffer) => {
    const input = { Bucket, Key, UploadId, PartNumber, Body, ChecksumSHA256: sha256(Body) };
    const { ETag, ChecksumSHA256 } = await client.send(new UploadPartCommand(input));
    return { PartNumber, ETag, ChecksumSHA256 };
  };
  const complete = (Key: string, UploadId: string, Parts: object[], more: object = {}) =>
    client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ...more }));

  test('becomes an object with the checksum of checksums, once, and ranges run over its parts', async () => {
    const bodies = [randomBytes(5 * MiB), randomBytes(5 * MiB + 1), randomBytes(10)];
    const UploadId = await begin('whole', { Tagging: 'state=new', ContentType: 'image/png' });
    const parts: Awaited<ReturnType<typeof part>>[] = [];
    for (const [i, body] of bodies.entries()) parts.push(await part('whole', UploadId, 2 * i + 1, body));
    const stray = await part('whole', UploadId, 9, randomBytes(10));
    expect(stray.PartNumber).toBe(9);
    const paged = await client.send(new ListPartsCommand({ Bucket, Key: 'whole', UploadId, MaxParts: 2 }));
    expect(paged).toMatchObject({ IsTruncated: true, NextPartNumberMarker: '3', ChecksumType: 'COMPOSITE' });
    expect(paged.Parts).toMatchObject(parts.slice(0, 2));
    const rest = { Bucket, Key: 'whole', UploadId, PartNumberMarker: '3' };
    const { Parts: restParts, IsTruncated } = await client.send(new ListPartsCommand(rest));
    expect(restParts).toMatchObject([{ PartNumber: 5, Size: 10 }, { PartNumber: 9 }]);
    expect(IsTruncated).toBe(false);

    const composite = `${sha256(Buffer.concat(bodies.map((body) => Buffer.from(sha256(body), 'base64'))))}-3`;
    const ETag = `"${md5(Buffer.concat(bodies.map((body) => Buffer.from(md5(body), 'hex'))))}-3"`;
    const stated = { MpuObjectSize: 10 * MiB + 11, ChecksumSHA256: composite };
    const done = await complete('whole', UploadId, parts, stated);
    expect(done).toMatchObject({ ETag, ChecksumSHA256: composite, ChecksumType: 'COMPOSITE', Key: 'whole' });
    const { body, ...got } = await get('whole');
    expect(sha256(body)).toBe(sha256(Buffer.concat(bodies)));
    expect(got).toMatchObject({ ETag, ChecksumSHA256: composite, ContentType: 'image/png', TagCount: 1 });
    const { body: seam } = await get('whole', { Range: `bytes=${5 * MiB - 2}-${10 * MiB + 2}` });
    expect(seam.equals(Buffer.concat(bodies).subarray(5 * MiB - 2, 10 * MiB + 3))).toBe(true);
    await expect(complete('whole', UploadId, parts)).rejects.toMatchObject({ name: 'NoSuchUpload' });
    expect(files('uploads')).toEqual([]);
    // The object is deleted while it is read. Its later parts are opened only after that.
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: 'whole' }));
    const before = files('data').length;
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'whole' }));
    expect(await Body?.transformToByteArray()).toHaveLength(10 * MiB + 11);
    await expect.poll(() => files('data').length).toBe(before - 3);
  });

  test('is refused where its list is not what was uploaded, and can still be completed', async () => {
    const UploadId = await begin('strict');
    const first = await part('strict', UploadId, 1, randomBytes(5 * MiB - 1));
    const last = await part('strict', UploadId, 2, randomBytes(10));
    const { ChecksumSHA256: _, ...unchecked } = last;
    const refused: [object[], string, object?][] = [
      [[last, first], 'InvalidPartOrder'],
      [[last, last], 'InvalidPartOrder'],
      [[first, last], 'EntityTooSmall'],
      [[{ ...last, PartNumber: 3 }], 'InvalidPart'],
      [[{ ...last, ETag: first.ETag }], 'InvalidPart'],
      [[{ ...last, ChecksumSHA256: first.ChecksumSHA256 }], 'InvalidPart'],
      [[unchecked], 'InvalidRequest'],
      [[], 'MalformedXML'],
      [[last], 'InvalidRequest', { MpuObjectSize: 11 }],
      [[last], 'BadDigest', { ChecksumSHA256: sha256('other') }],
    ];
    for (const [list, name, more] of refused) {
      await expect(complete('strict', UploadId, list, more)).rejects.toMatchObject({ name });
    }
    await expect(complete('other', UploadId, [last])).rejects.toMatchObject({ name: 'NoSuchUpload' });
    await expect(get('strict')).rejects.toMatchObject({ name: 'NoSuchKey' });
    await complete('strict', UploadId, [last]);
    expect((await get('strict')).body).toHaveLength(10);
  });

  test('takes only parts with the checksum that it was begun with, right ones', async () => {
    const UploadId = await begin('checked');
    const send = (more: object) =>
      client.send(
        new UploadPartCommand({ Bucket, Key: 'checked', UploadId, PartNumber: 1, Body: Buffer.from('x'), ...more }),
      );
    await expect(send({ ChecksumCRC32: 'jNBUwQ==' })).rejects.toMatchObject({ name: 'InvalidRequest' });
    await expect(send({ ChecksumSHA256: sha256('y') })).rejects.toMatchObject({ name: 'BadDigest' });
    await expect(send({ ChecksumSHA256: sha256('x'), PartNumber: 10_001 })).rejects.toMatchObject({
      name: 'InvalidArgument',
    });
    const { Parts } = await client.send(new ListPartsCommand({ Bucket, Key: 'checked', UploadId }));
    expect(Parts ?? []).toEqual([]);
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key: 'checked', UploadId }));
  });

  test('that is aborted is gone with its parts; those that are not are listed by key and beginning', async () => {
    const before = files('data').length;
    const ids = [await begin('many/b'), await begin('many/a'), await begin('many/a')];
    await begin('other');
    await part('many/b', ids[0] ?? '', 1, randomBytes(10));
    const list = async (more: object = {}) => {
      const page = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'many/', ...more }));
      return { ...page, found: (page.Uploads ?? []).map(({ Key, UploadId }) => [Key, UploadId]) };
    };
    const all = (await list()).found;
    expect(all.map(([key]) => key)).toEqual(['many/a', 'many/a', 'many/b']);
    const first = await list({ MaxUploads: 1 });
    expect(first).toMatchObject({ IsTruncated: true, found: [all[0]] });
    const next = { KeyMarker: first.NextKeyMarker, UploadIdMarker: first.NextUploadIdMarker };
    expect(await list(next)).toMatchObject({ IsTruncated: false, found: all.slice(1) });
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key: 'many/b', UploadId: ids[0] }));
    expect((await list()).found).toHaveLength(2);
    expect(files('data')).toHaveLength(before);
  });
});

describe('every call', () => {
  test('is logged, and authorized by the permissions that IAM has for it', async () => {
    const seen: EngineCall[] = [];
    made.calls.reset();
    made.hooks = { before: (call) => void seen.push(call) };
    await put('called/x', 'x', { Tagging: 'org=a' });
    await keys('called/');
    await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'called/x' }] } }));
    expect(seen).toMatchObject([
      {
        service: 's3',
        action: 'PutObject',
        principal: 'Main',
        callerArn: 'arn:aws:iam::000000000000:role/Function',
        tags: { org: 'a' },
        input: { Bucket, Key: 'called/x', Tags: { org: 'a' }, AuthType: 'REST-HEADER' },
        permissions: [
          { action: 's3:PutObject', resource: 'arn:aws:s3:::blobs/called/x' },
          { action: 's3:PutObjectTagging', resource: 'arn:aws:s3:::blobs/called/x' },
        ],
      },
      {
        action: 'ListObjectsV2',
        input: { Prefix: 'called/' },
        permissions: [{ action: 's3:ListBucket', resource: 'arn:aws:s3:::blobs' }],
      },
      { action: 'DeleteObjects', permissions: [] },
    ]);
    expect(made.calls.count({ service: 's3', action: 'PutObject' })).toBe(1);
  });

  test('that policies do not allow is refused; who may not list is not told what is missing', async () => {
    await put('mine', 'x');
    await put('yours', 'x', { Tagging: 'owner=you' });
    const asked: unknown[] = [];
    made.hooks = {
      authorize: ({ permissions = [], input }) => {
        asked.push(input);
        return permissions.every(
          ({ action, resource }) =>
            resource.endsWith('/mine') || (action === 's3:GetObject' && resource.endsWith('/none')),
        );
      },
    };
    expect((await get('mine')).body.toString()).toBe('x');
    await expect(get('yours')).rejects.toMatchObject({ name: 'AccessDenied', $metadata: { httpStatusCode: 403 } });
    expect(asked).toContainEqual(expect.objectContaining({ Key: 'yours', ExistingTags: { owner: 'you' } }));
    await expect(get('none')).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(put('new', 'x')).rejects.toMatchObject({ name: 'AccessDenied' });
    const Objects = [{ Key: 'mine' }, { Key: 'yours' }];
    const result = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(result).toMatchObject({ Deleted: [{ Key: 'mine' }], Errors: [{ Key: 'yours', Code: 'AccessDenied' }] });
    made.hooks = {};
    expect([await keys('mine'), await keys('yours'), await keys('new')]).toEqual([[], ['yours'], []]);
    await expect(get('none')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  test('can be made to fail: with an error, without an answer, before or after it was done', async () => {
    made.hooks = { before: () => ({ type: 'SlowDown', status: 503 }) };
    await expect(put('fault', 'x')).rejects.toMatchObject({ name: 'SlowDown', $metadata: { httpStatusCode: 503 } });
    made.hooks = { before: () => 'drop-before' };
    await expect(put('fault', 'x')).rejects.toThrow();
    made.hooks = {};
    expect(await keys('fault')).toEqual([]);
    made.hooks = { before: () => 'drop-after' };
    await expect(put('fault', 'x')).rejects.toThrow();
    made.hooks = {};
    expect(await keys('fault')).toEqual(['fault']);
  });

  test('that is cut within a body leaves nothing; a download is cut where it was told to be', async () => {
    const data = randomBytes(3_000_000);
    await put('cut', data);
    const before = files('data');
    made.hooks = { before: () => ({ cutAfter: 1_000_000 }) };
    await expect(put('cut', randomBytes(3_000_000))).rejects.toThrow();
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: 'cut' }));
    let read = 0;
    const reading = async () => {
      for await (const chunk of Body as Readable) read += chunk.length;
    };
    await expect(reading()).rejects.toThrow();
    expect(read).toBe(1_000_000);
    made.hooks = {};
    const url = await getSignedUrl(client, new PutObjectCommand({ Bucket, Key: 'cut' }));
    const request = httpRequest(url, { method: 'PUT', headers: { 'content-length': 1_000_000 } });
    request.on('error', () => {});
    request.write(randomBytes(500_000));
    await expect.poll(() => files('data').length).toBe(before.length + 1);
    request.destroy();
    await expect.poll(() => files('data')).toEqual(before);
    expect(sha256((await get('cut')).body)).toBe(sha256(data));
  });

  test('that is not known here is refused by its name', async () => {
    await expect(client.send(new GetObjectAclCommand({ Bucket, Key: 'x' }))).rejects.toMatchObject({
      name: 'NotImplemented',
      message: expect.stringContaining('acl'),
    });
    await expect(client.send(new GetObjectCommand({ Bucket: 'other', Key: 'x' }))).rejects.toMatchObject({
      name: 'NoSuchBucket',
    });
  });
});
