/** Copies of objects in the S3 emulator. */
import { createHash } from 'node:crypto';
import {
  CopyObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { EngineCall } from '../../local/aws/endpoint/engine-hooks.ts';
import { Bucket, type S3Fixture, startS3Fixture } from './s3-client-fixture.ts';

let made: S3Fixture;
let client: S3Client;
beforeAll(async () => {
  made = await startS3Fixture(null);
  client = made.client();
});
afterAll(async () => {
  await made.close();
  expect(made.errors).toEqual([]);
});
beforeEach(() => {
  made.hooks = {};
});

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64');
const put = async (Key: string, Body: string) =>
  (await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentType: 'text/x', Tagging: 'a=1' }))).ETag ?? '';
const copy = (from: string, Key: string, more: object = {}) =>
  client.send(
    new CopyObjectCommand({
      Bucket,
      Key,
      CopySource: `${Bucket}/${encodeURIComponent(from)}`,
      TaggingDirective: 'REPLACE',
      ChecksumAlgorithm: 'SHA256',
      ...more,
    }),
  );
const text = async (Key: string) =>
  (await client.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();

describe('a copy', () => {
  test('has the bytes and the media type of its source, the tags of the request, and a new checksum', async () => {
    const etag = await put('from/ü 1', 'hello');
    expect(await copy('from/ü 1', 'to', { Tagging: 'b=2' })).toMatchObject({
      CopyObjectResult: { ETag: etag, ChecksumSHA256: sha256('hello') },
    });
    await put('from/ü 1', 'other');
    expect(await text('to')).toBe('hello');
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'to', ChecksumMode: 'ENABLED' }));
    expect(head).toMatchObject({ ContentType: 'text/x', ChecksumSHA256: sha256('hello'), TagCount: 1 });
  });

  test('is made only of the version that was named, and only where nothing is', async () => {
    const etag = await put('one', 'hello');
    await put('one', 'other');
    const refused = { $metadata: { httpStatusCode: 412 }, name: 'PreconditionFailed' };
    await expect(copy('one', 'new', { CopySourceIfMatch: etag })).rejects.toMatchObject(refused);
    await put('taken', 'there');
    await expect(copy('one', 'taken', { IfNoneMatch: '*' })).rejects.toMatchObject(refused);
    expect(await text('taken')).toBe('there');
    await expect(text('new')).rejects.toMatchObject({ name: 'NoSuchKey' });
    await copy('one', 'new', { IfNoneMatch: '*' });
    expect(await text('new')).toBe('other');
  });

  test('of two at the same time to one new key, one is made', async () => {
    await put('a', 'aaa');
    await put('b', 'bbb');
    const both = await Promise.allSettled(['a', 'b'].map((from) => copy(from, 'both', { IfNoneMatch: '*' })));
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await text('both')).toBe(both[0]?.status === 'fulfilled' ? 'aaa' : 'bbb');
  });

  test('of what does not exist is refused', async () => {
    await expect(copy('none', 'new')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  test('needs permission to read the source and to write the target with its tags', async () => {
    await put('source', 'hello');
    const seen: EngineCall[] = [];
    made.hooks = {
      authorize: (call) => {
        seen.push(call);
        return true;
      },
    };
    await copy('source', 'target', { Tagging: 'b=2' });
    expect(seen.map(({ action, permissions }) => [action, permissions])).toEqual([
      [
        'CopyObject',
        [
          { action: 's3:PutObject', resource: 'arn:aws:s3:::blobs/target' },
          { action: 's3:PutObjectTagging', resource: 'arn:aws:s3:::blobs/target' },
        ],
      ],
      ['CopyObject', [{ action: 's3:GetObject', resource: 'arn:aws:s3:::blobs/source' }]],
    ]);
    for (const denied of ['s3:GetObject', 's3:PutObject', 's3:PutObjectTagging']) {
      made.hooks = { authorize: ({ permissions = [] }) => permissions.every(({ action }) => action !== denied) };
      await expect(copy('source', 'denied', { Tagging: 'b=2' })).rejects.toMatchObject({ name: 'AccessDenied' });
    }
    made.hooks = {};
    await expect(text('denied')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  test.each<[string, object]>([
    ['from another bucket', { CopySource: 'other/source' }],
    ['of a version', { CopySource: `${Bucket}/source?versionId=null` }],
    ['that keeps the tags', { TaggingDirective: 'COPY' }],
    ['with other metadata', { MetadataDirective: 'REPLACE' }],
    ['without a checksum', { ChecksumAlgorithm: undefined }],
    ['if the source is another one', { CopySourceIfNoneMatch: '"x"' }],
    ['to itself', { Key: 'source' }],
  ])('%s is not implemented', async (_, more) => {
    await put('source', 'hello');
    await expect(copy('source', 'unsupported', more)).rejects.toMatchObject({ name: 'NotImplemented' });
  });
});
