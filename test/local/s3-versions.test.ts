/** Versions, Object Lock and conditional writes of the S3 emulator, with the client of the AWS SDK. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectLegalHoldCommand,
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
  PutObjectTaggingCommand,
  type S3Client,
  type S3ClientConfig,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EngineCall } from '../../local/aws/endpoint/engine-hooks.ts';
import { conflictOnce } from './conditional-conflict.ts';
import { Bucket, type S3Fixture, startS3Fixture } from './s3-client-fixture.ts';

const day = 24 * 3600_000;
const start = new Date('2030-01-01T00:00:00.000Z');
const daysLater = (days: number) => new Date(start.getTime() + days * day);
const versioning = { VersioningConfiguration: { Status: 'Enabled' } };
const compliance = lockedBucket({ Mode: 'COMPLIANCE', Days: 10 });
const governance = lockedBucket({ Mode: 'GOVERNANCE', Days: 10 });

function lockedBucket(DefaultRetention?: object) {
  const Rule = DefaultRetention && { DefaultRetention };
  return { ...versioning, ObjectLockEnabled: true, ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule } };
}

let folder: string;
let made: S3Fixture;
let client: S3Client;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'anima-s3-test-'));
});
afterEach(async () => {
  await made.close();
  rmSync(folder, { recursive: true, force: true });
  expect(made.errors).toEqual([]);
});

async function open(rules: object, path: string | null = folder): Promise<void> {
  made = await startS3Fixture(path, { ...rules }, start);
  client = clientAt(start);
}

/** A client whose clock shows `time`. The engine's `Date` header shows the real time, so the SDK must not adopt it. */
function clientAt(time: Date, config: Partial<S3ClientConfig> = {}): S3Client {
  const created = made.client({ systemClockOffset: time.getTime() - Date.now(), ...config });
  created.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { headers: Record<string, string> };
      delete headers.date;
      return result;
    },
    { step: 'deserialize', priority: 'low' },
  );
  return created;
}
async function reopen(rules: object): Promise<void> {
  await made.close();
  await open(rules);
}

const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest('base64');
const put = (Key: string, Body: string | Buffer, more: Partial<PutObjectCommandInput> = {}) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body, ChecksumSHA256: sha256(Body), ...more }));
const get = async (Key: string, more: object = {}) => {
  const { Body, ...rest } = await client.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return { ...rest, body: await Body?.transformToString() };
};
const del = (Key: string, VersionId?: string, more: object = {}) =>
  client.send(new DeleteObjectCommand({ Bucket, Key, VersionId, ...more }));
const versions = (more: object = {}) => client.send(new ListObjectVersionsCommand({ Bucket, ...more }));
const keys = async () =>
  ((await client.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);
const files = (part: string) => readdirSync(join(folder, Bucket, part));
const refused = (name: string, httpStatusCode: number) => ({ name, $metadata: { httpStatusCode } });
const locked = refused('AccessDenied', 403);

describe('a bucket with versioning', () => {
  beforeEach(() => open(versioning));

  test('keeps each put as a version of its own, readable by its ID, also after a restart', async () => {
    const one = await put('key', 'one');
    const two = await put('key', 'two', { Tagging: 'n=2' });
    expect(one.VersionId).toMatch(/^[0-9a-f]{32}$/);
    expect(two.VersionId).not.toBe(one.VersionId);
    const check = async () => {
      expect(await get('key')).toMatchObject({ body: 'two', VersionId: two.VersionId, TagCount: 1 });
      expect(await get('key', { VersionId: one.VersionId })).toMatchObject({ body: 'one', VersionId: one.VersionId });
      const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'key', VersionId: one.VersionId }));
      expect(head).toMatchObject({ ETag: one.ETag, VersionId: one.VersionId });
      expect(head).not.toHaveProperty('TagCount');
      expect(await keys()).toEqual(['key']);
    };
    await check();
    await reopen(versioning);
    await check();
    expect(await client.send(new GetBucketVersioningCommand({ Bucket }))).toMatchObject({ Status: 'Enabled' });
    const three = await put('key', 'three');
    expect((await versions()).Versions?.map(({ VersionId }) => VersionId)).toEqual(
      [three, two, one].map(({ VersionId }) => VersionId),
    );
  });

  test('changes the tags of the version that is named', async () => {
    const one = await put('key', 'one');
    await put('key', 'two');
    const target = { Bucket, Key: 'key', VersionId: one.VersionId };
    const Tagging = { TagSet: [{ Key: 'a', Value: '1' }] };
    await client.send(new PutObjectTaggingCommand({ ...target, Tagging }));
    expect((await client.send(new GetObjectTaggingCommand(target))).TagSet).toEqual(Tagging.TagSet);
    expect((await client.send(new GetObjectTaggingCommand({ Bucket, Key: 'key' }))).TagSet).toEqual([]);
    expect((await versions()).Versions).toHaveLength(2);
  });

  test('hides an object behind a delete marker, and shows it again once the marker is deleted', async () => {
    const one = await put('key', 'one');
    const gone = await del('key');
    expect(gone).toMatchObject({ DeleteMarker: true, VersionId: expect.stringMatching(/^[0-9a-f]{32}$/) });
    await reopen(versioning);
    expect(await keys()).toEqual([]);
    const raw = async (query: string) => {
      const input = { Bucket, Key: 'key', ...(query && { VersionId: query }) };
      const { status, headers } = await fetch(await getSignedUrl(client, new GetObjectCommand(input), at));
      return [status, headers.get('x-amz-delete-marker'), headers.get('x-amz-version-id')];
    };
    const at = { signingDate: start };
    expect(await raw('')).toEqual([404, 'true', gone.VersionId]);
    expect(await raw(gone.VersionId ?? '')).toEqual([405, 'true', gone.VersionId]);
    await expect(get('key')).rejects.toMatchObject(refused('NoSuchKey', 404));
    await expect(get('key', { VersionId: gone.VersionId })).rejects.toMatchObject(refused('MethodNotAllowed', 405));
    expect((await get('key', { VersionId: one.VersionId })).body).toBe('one');
    expect(await versions()).toMatchObject({
      Versions: [{ Key: 'key', VersionId: one.VersionId, IsLatest: false, Size: 3, ETag: one.ETag }],
      DeleteMarkers: [{ Key: 'key', VersionId: gone.VersionId, IsLatest: true }],
    });
    expect(await del('key', gone.VersionId)).toMatchObject({ DeleteMarker: true, VersionId: gone.VersionId });
    expect((await get('key')).body).toBe('one');
    // A marker is made even for a key without versions.
    expect(await del('never')).toMatchObject({ DeleteMarker: true });
  });

  test('removes a deleted version from the disk, bytes and record', async () => {
    const body = randomBytes(1000).toString('base64');
    const one = await put('key', body);
    const two = await put('key', 'two');
    const onDisk = () =>
      ['objects', 'data'].some((part) =>
        files(part).some((name) => readFileSync(join(folder, Bucket, part, name), 'utf8').includes(body.slice(0, 200))),
      );
    expect(onDisk()).toBe(true);
    expect(await del('key', one.VersionId)).toMatchObject({ VersionId: one.VersionId });
    expect(onDisk()).toBe(false);
    expect([files('objects').length, files('data').length]).toEqual([1, 1]);
    await expect(get('key', { VersionId: one.VersionId })).rejects.toMatchObject(refused('NoSuchVersion', 404));
    // A version that does not exist counts as deleted; an ID that S3 cannot have made is refused.
    await del('key', one.VersionId);
    await expect(del('key', 'unknown')).rejects.toMatchObject(refused('InvalidArgument', 400));
    await expect(get('key', { VersionId: '../x' })).rejects.toMatchObject(refused('InvalidArgument', 400));
    await del('key', two.VersionId);
    expect([files('objects'), files('data')]).toEqual([[], []]);
  });

  test('deletes several objects and versions in one call, and says what became of each', async () => {
    const one = await put('a', 'one');
    await put('b', 'two');
    const gone = await del('c');
    const Objects = [
      { Key: 'a', VersionId: one.VersionId },
      { Key: 'b' },
      { Key: 'c', VersionId: gone.VersionId },
      { Key: 'd', VersionId: 'unknown' },
    ];
    const answer = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    const marker = (await versions({ Prefix: 'b' })).DeleteMarkers?.[0]?.VersionId;
    expect(answer.Deleted).toEqual([
      { Key: 'a', VersionId: one.VersionId },
      { Key: 'b', DeleteMarker: true, DeleteMarkerVersionId: marker },
      { Key: 'c', VersionId: gone.VersionId, DeleteMarker: true, DeleteMarkerVersionId: gone.VersionId },
    ]);
    expect(answer.Errors).toMatchObject([{ Key: 'd', VersionId: 'unknown', Code: 'InvalidArgument' }]);
    expect(await keys()).toEqual([]);
  });

  test('lists all versions page by page: by key, the latest first, markers among them', async () => {
    const wanted: (string | undefined)[][] = [];
    for (const Key of ['a/ü &', 'a/1', 'b']) {
      const ids = [(await put(Key, '1')).VersionId, (await del(Key)).VersionId, (await put(Key, '3')).VersionId];
      if (Key.startsWith('a/')) wanted.unshift(...ids.reverse().map((id) => [Key, id]));
    }
    const found: (string | undefined)[][] = [];
    let next: object = {};
    for (;;) {
      const page = await versions({ Prefix: 'a/', MaxKeys: 2, EncodingType: 'url', ...next });
      const entries = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
      expect(entries.length).toBe(2);
      expect(page).toMatchObject({ Name: Bucket, MaxKeys: 2, Prefix: 'a/' });
      const latest = (entry: object) => ('IsLatest' in entry && entry.IsLatest === true ? 0 : 1);
      const decoded = entries.map(({ Key = '', VersionId }) => [decodeURIComponent(Key), VersionId]);
      expect(entries.filter((entry) => latest(entry) === 0).length).toBeLessThanOrEqual(1);
      found.push(
        ...decoded.sort(
          (a, b) => wanted.findIndex(([, id]) => id === a[1]) - wanted.findIndex(([, id]) => id === b[1]),
        ),
      );
      if (page.IsTruncated !== true) break;
      expect(decoded.at(-1)).toEqual([decodeURIComponent(page.NextKeyMarker ?? ''), page.NextVersionIdMarker]);
      next = { KeyMarker: decodeURIComponent(page.NextKeyMarker ?? ''), VersionIdMarker: page.NextVersionIdMarker };
    }
    expect(found).toEqual(wanted);
    // A key marker alone skips the whole key.
    expect((await versions({ KeyMarker: 'a/1', Prefix: 'a/' })).Versions?.map(({ Key }) => Key)).toEqual([
      'a/ü &',
      'a/ü &',
    ]);
    await expect(versions({ VersionIdMarker: 'null' })).rejects.toMatchObject(refused('InvalidArgument', 400));
  });

  test('requires the permission for the version that is named', async () => {
    const one = await put('key', 'one');
    const seen: unknown[] = [];
    made.hooks = { before: ({ permissions = [] }) => void seen.push(permissions.map(({ action }) => action)) };
    await get('key', { VersionId: one.VersionId });
    await versions();
    await put('key', 'two', { IfMatch: one.ETag });
    await del('key', one.VersionId);
    expect(seen).toEqual([
      ['s3:GetObjectVersion'],
      ['s3:ListBucketVersions'],
      ['s3:PutObject', 's3:GetObject'],
      ['s3:DeleteObjectVersion'],
    ]);
    made.hooks = {
      authorize: ({ permissions = [] }) => permissions.every(({ action }) => action !== 's3:DeleteObjectVersion'),
    };
    const { VersionId } = await put('key', 'three');
    const answer = await client.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'key', VersionId }] } }),
    );
    expect(answer.Errors).toMatchObject([{ Code: 'AccessDenied', VersionId }]);
    expect((await get('key')).body).toBe('three');
  });

  test('refuses what requires Object Lock', async () => {
    await put('key', 'one');
    const lock = { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: daysLater(1) } as const;
    await expect(put('key', 'two', lock)).rejects.toMatchObject(refused('InvalidRequest', 400));
    await expect(client.send(new GetObjectRetentionCommand({ Bucket, Key: 'key' }))).rejects.toMatchObject(
      refused('InvalidRequest', 400),
    );
    await expect(client.send(new GetObjectLockConfigurationCommand({ Bucket }))).rejects.toMatchObject(
      refused('ObjectLockConfigurationNotFoundError', 404),
    );
  });
});

describe('conditional writes', () => {
  test.each([
    ['without versioning', {}],
    ['with Object Lock', compliance],
  ])('in a bucket %s create only once, and replace only what was read', async (_, rules) => {
    await open(rules);
    await expect(put('key', 'x', { IfMatch: '"none"' })).rejects.toMatchObject(refused('NoSuchKey', 404));
    const one = await put('key', 'one', { IfNoneMatch: '*' });
    await expect(put('key', 'x', { IfNoneMatch: '*' })).rejects.toMatchObject(refused('PreconditionFailed', 412));
    await expect(put('key', 'x', { IfMatch: '"other"' })).rejects.toMatchObject(refused('PreconditionFailed', 412));
    const two = await put('key', 'two', { IfMatch: one.ETag });
    await expect(put('key', 'x', { IfMatch: one.ETag })).rejects.toMatchObject(refused('PreconditionFailed', 412));
    expect(await get('key')).toMatchObject({ body: 'two', ETag: two.ETag });
    await expect(put('key', 'x', { IfNoneMatch: one.ETag })).rejects.toMatchObject(refused('NotImplemented', 501));
    await del('key');
    await expect(put('key', 'x', { IfMatch: two.ETag })).rejects.toMatchObject(refused('NoSuchKey', 404));
    // A delete marker counts as no object.
    await put('key', 'three', { IfNoneMatch: '*' });
    expect((await get('key')).body).toBe('three');
    expect(files('data')).toHaveLength(rules === compliance ? 3 : 1);
  });

  test('at the same time: exactly one succeeds', async () => {
    await open(compliance);
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => put('key', `${i}`.repeat(10_000), { IfNoneMatch: '*' })),
    );
    const failed = results.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    expect(failed).toHaveLength(19);
    for (const error of failed) expect(error).toMatchObject(refused('PreconditionFailed', 412));
    expect((await versions()).Versions).toHaveLength(1);
    expect(files('data')).toHaveLength(1);
  });

  test('complete an upload in parts only if they hold', async () => {
    await open(compliance);
    const begin = { Bucket, Key: 'key', ChecksumAlgorithm: 'SHA256', ChecksumType: 'COMPOSITE' } as const;
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(begin));
    const part = { Bucket, Key: 'key', UploadId, PartNumber: 1, Body: 'part' };
    const { ETag, ChecksumSHA256 } = await client.send(
      new UploadPartCommand({ ...part, ChecksumSHA256: sha256('part') }),
    );
    const Parts = [{ PartNumber: 1, ETag, ChecksumSHA256 }];
    const complete = (more: object) =>
      client.send(
        new CompleteMultipartUploadCommand({ Bucket, Key: 'key', UploadId, MultipartUpload: { Parts }, ...more }),
      );
    const { VersionId } = await put('key', 'one');
    await expect(complete({ IfNoneMatch: '*' })).rejects.toMatchObject(refused('PreconditionFailed', 412));
    const done = await complete({ IfMatch: (await get('key')).ETag });
    expect(done.VersionId).not.toBe(VersionId);
    expect(await get('key')).toMatchObject({ body: 'part', VersionId: done.VersionId, ObjectLockMode: 'COMPLIANCE' });
  });

  test('can be made to meet a conflict once: 409, and nothing was written', async () => {
    await open(compliance);
    const isKey = ({ input }: EngineCall) => JSON.stringify(input).includes('"Key":"key"');
    made.hooks = { before: conflictOnce(isKey) };
    await put('key', 'unconditional');
    await put('other', 'conditional', { IfNoneMatch: '*' });
    const { ETag } = await get('key');
    const write = () => put('key', 'conditional', { IfMatch: ETag });
    await expect(write()).rejects.toMatchObject(refused('ConditionalRequestConflict', 409));
    expect((await get('key')).body).toBe('unconditional');
    await write();
    expect((await get('key')).body).toBe('conditional');
  });
});

describe('Object Lock', () => {
  test('locks each version by default, and nobody deletes it before its time', async () => {
    await open(compliance);
    const one = await put('key', 'one');
    expect(await get('key')).toMatchObject({ ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: daysLater(10) });
    const bypass = { BypassGovernanceRetention: true };
    const attempts = async () => {
      await expect(del('key', one.VersionId)).rejects.toMatchObject(locked);
      await expect(del('key', one.VersionId, bypass)).rejects.toMatchObject(locked);
      const Delete = { Objects: [{ Key: 'key', VersionId: one.VersionId }] };
      expect(await client.send(new DeleteObjectsCommand({ Bucket, Delete, ...bypass }))).toMatchObject({
        Errors: [{ Key: 'key', VersionId: one.VersionId, Code: 'AccessDenied' }],
      });
      expect((await get('key', { VersionId: one.VersionId })).body).toBe('one');
    };
    await attempts();
    // A marker hides the version, but does not delete it. It is not locked itself.
    const marker = await del('key');
    await attempts();
    await del('key', marker.VersionId);
    await put('key', 'two');
    await attempts();
    // The lock is in the data folder, whatever the template says later.
    await reopen(versioning);
    await attempts();
    made.now = new Date(daysLater(10).getTime() - 1);
    client = clientAt(made.now);
    await attempts();
    made.now = daysLater(10);
    client = clientAt(made.now);
    await del('key', one.VersionId);
    await expect(get('key', { VersionId: one.VersionId })).rejects.toMatchObject(refused('NoSuchVersion', 404));
  });

  test('in governance mode yields to a bypass with the permission for it, and only to that', async () => {
    await open(governance);
    const { VersionId } = await put('key', 'one');
    const bypass = { BypassGovernanceRetention: true };
    await expect(del('key', VersionId)).rejects.toMatchObject(locked);
    const withoutBypass = ({ permissions = [] }: EngineCall) =>
      permissions.every(({ action }) => action !== 's3:BypassGovernanceRetention');
    made.hooks = { authorize: withoutBypass };
    await expect(del('key', VersionId, bypass)).rejects.toMatchObject(locked);
    made.hooks = {};
    const hold = (Status: 'ON' | 'OFF') =>
      client.send(new PutObjectLegalHoldCommand({ Bucket, Key: 'key', LegalHold: { Status } }));
    const read = new GetObjectLegalHoldCommand({ Bucket, Key: 'key' });
    await expect(client.send(read)).rejects.toMatchObject(refused('NoSuchObjectLockConfiguration', 404));
    await hold('ON');
    expect(await client.send(read)).toMatchObject({ LegalHold: { Status: 'ON' } });
    await expect(del('key', VersionId, bypass)).rejects.toMatchObject(locked);
    await hold('OFF');
    await del('key', VersionId, bypass);
    expect(files('data')).toEqual([]);
  });

  test.each([
    ['COMPLIANCE', compliance],
    ['GOVERNANCE', governance],
  ] as const)('in %s mode can be extended, but not shortened or weakened', async (Mode, rules) => {
    await open(rules);
    const { VersionId } = await put('key', 'one');
    await put('key', 'two');
    const target = { Bucket, Key: 'key', VersionId };
    const retain = (Retention: object, more: object = {}) =>
      client.send(new PutObjectRetentionCommand({ ...target, Retention, ...more }));
    const retention = async () => (await client.send(new GetObjectRetentionCommand(target))).Retention;
    await retain({ Mode, RetainUntilDate: daysLater(20) });
    const other = Mode === 'COMPLIANCE' ? 'GOVERNANCE' : 'COMPLIANCE';
    const weaker = [{ Mode, RetainUntilDate: daysLater(19) }, { Mode: other, RetainUntilDate: daysLater(20) }, {}];
    for (const one of weaker) await expect(retain(one)).rejects.toMatchObject(locked);
    await expect(retain({ Mode, RetainUntilDate: daysLater(-1) })).rejects.toMatchObject(
      refused('InvalidArgument', 400),
    );
    await expect(retain({ Mode: 'OTHER', RetainUntilDate: daysLater(30) })).rejects.toMatchObject({
      name: 'InvalidArgument',
    });
    expect(await retention()).toEqual({ Mode, RetainUntilDate: daysLater(20) });
    const bypass = { BypassGovernanceRetention: true };
    const bypassed = await Promise.allSettled(weaker.slice(0, 1).map((one) => retain(one, bypass)));
    expect(bypassed).toMatchObject(
      Mode === 'COMPLIANCE' ? [{ status: 'rejected', reason: locked }] : [{ status: 'fulfilled' }],
    );
    const until = daysLater(Mode === 'COMPLIANCE' ? 20 : 19);
    expect(await retention()).toEqual({ Mode, RetainUntilDate: until });
    await reopen(rules);
    expect(await retention()).toEqual({ Mode, RetainUntilDate: until });
    expect((await get('key')).ObjectLockRetainUntilDate).toEqual(daysLater(10));
  });

  test('is described by the bucket, and can be requested for one version', async () => {
    await open(lockedBucket());
    expect(await client.send(new GetObjectLockConfigurationCommand({ Bucket }))).toMatchObject({
      ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled' },
    });
    const free = await put('key', 'free');
    await expect(client.send(new GetObjectRetentionCommand({ Bucket, Key: 'key' }))).rejects.toMatchObject(
      refused('NoSuchObjectLockConfiguration', 404),
    );
    await del('key', free.VersionId);
    const lock = { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: daysLater(1) } as const;
    const seen: unknown[] = [];
    made.hooks = { before: ({ permissions = [] }) => void seen.push(...permissions.map(({ action }) => action)) };
    const kept = await put('key', 'kept', { ...lock, ObjectLockLegalHoldStatus: 'ON' });
    expect(seen).toEqual(['s3:PutObject', 's3:PutObjectRetention', 's3:PutObjectLegalHold']);
    expect(await get('key')).toMatchObject({ ...lock, ObjectLockLegalHoldStatus: 'ON' });
    await expect(del('key', kept.VersionId)).rejects.toMatchObject(locked);
    const half = { ObjectLockMode: 'COMPLIANCE' } as const;
    await expect(put('key', 'x', half)).rejects.toMatchObject(refused('InvalidArgument', 400));
    const past = { ...half, ObjectLockRetainUntilDate: start };
    await expect(put('key', 'x', past)).rejects.toMatchObject(refused('InvalidArgument', 400));
    await reopen(lockedBucket({ Mode: 'COMPLIANCE', Years: 1 }));
    expect(await client.send(new GetObjectLockConfigurationCommand({ Bucket }))).toMatchObject({
      ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Years: 1 } } },
    });
    await put('year', 'x');
    expect((await get('year')).ObjectLockRetainUntilDate).toEqual(new Date('2031-01-01T00:00:00Z'));
  });

  test('takes only bytes with a digest that fits, and keeps the digest', async () => {
    await open(compliance);
    client = clientAt(start, { requestChecksumCalculation: 'WHEN_REQUIRED' });
    const none = { ChecksumSHA256: undefined };
    await expect(put('key', 'x', none)).rejects.toMatchObject({
      ...refused('InvalidRequest', 400),
      message:
        'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters',
    });
    await expect(put('key', 'x', { ChecksumSHA256: sha256('y') })).rejects.toMatchObject(refused('BadDigest', 400));
    expect(files('data')).toEqual([]);
    expect(await put('key', 'x')).toMatchObject({ ChecksumSHA256: sha256('x') });
    expect(await get('key', { ChecksumMode: 'ENABLED' })).toMatchObject({ ChecksumSHA256: sha256('x') });
    const ContentMD5 = createHash('md5').update('x').digest('base64');
    expect((await put('key', 'x', { ...none, ContentMD5 })).VersionId).toBeDefined();
    const begin = { Bucket, Key: 'parts' };
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(begin));
    const part = new UploadPartCommand({ ...begin, UploadId, PartNumber: 1, Body: 'x' });
    await expect(client.send(part)).rejects.toMatchObject({ name: 'InvalidRequest', message: /Put Part/ });
  });

  test('admits a presigned put with the digest as a signed header', async () => {
    await open(compliance);
    const command = new PutObjectCommand({ Bucket, Key: 'key', ChecksumSHA256: sha256('x') });
    const unhoistableHeaders = new Set(['x-amz-checksum-sha256']);
    const url = await getSignedUrl(client, command, { signingDate: start, unhoistableHeaders });
    const send = (body: string) =>
      fetch(url, { method: 'PUT', body, headers: { 'x-amz-checksum-sha256': sha256('x') } });
    expect((await send('y')).status).toBe(400);
    const answer = await send('x');
    expect([answer.status, answer.headers.get('x-amz-version-id')]).toEqual([200, (await get('key')).VersionId]);
  });

  test('holds against lifecycle rules, which remove old versions and lone markers only when they are free', async () => {
    const Rules = [
      { Status: 'Enabled', NoncurrentVersionExpiration: { NoncurrentDays: 1 }, ExpiredObjectDeleteMarker: true },
      { Status: 'Enabled', Prefix: 'short/', ExpirationInDays: 1 },
    ];
    await open({ ...compliance, LifecycleConfiguration: { Rules } });
    await put('key', 'one');
    const two = await put('key', 'two');
    await put('short/1', 'x');
    made.s3.applyLifecycle(daysLater(9));
    expect((await versions()).Versions).toHaveLength(3);
    expect(await keys()).toEqual(['key']);
    made.s3.applyLifecycle(daysLater(12));
    expect((await versions()).Versions).toMatchObject([{ VersionId: two.VersionId }]);
    made.s3.applyLifecycle(daysLater(13));
    expect((await versions()).DeleteMarkers).toBeUndefined();
    expect(files('data')).toHaveLength(1);
  });

  test('leaves nothing behind in memory mode', async () => {
    await open(compliance, null);
    await put('key', 'one');
    expect((await versions()).Versions).toHaveLength(1);
    expect(readdirSync(folder)).toEqual([]);
    await made.close();
    await open(compliance, null);
    expect((await versions()).Versions).toBeUndefined();
  });
});

test.each<[string, object]>([
  ['suspended versioning', { VersioningConfiguration: { Status: 'Suspended' } }],
  ['a lock configuration without versioning', { ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled' } }],
  ['a default retention of days and years', lockedBucket({ Mode: 'COMPLIANCE', Days: 1, Years: 1 })],
  ['a default retention without a time', lockedBucket({ Mode: 'COMPLIANCE' })],
  ['an unknown mode', lockedBucket({ Mode: 'NONE', Days: 1 })],
])('a template with %s is refused', async (_, rules) => {
  await open({});
  await expect(startS3Fixture(null, { ...rules })).rejects.toThrow();
});
