/** The seals in S3: the requests, and what S3 answers to them. */
import { DeleteObjectCommand, PutObjectCommand, type S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuditHeads } from '../../lambdas/audit/audit-heads.ts';
import type { StoredHead } from '../../lambdas/audit/audit-ports.ts';
import { S3AuditHeads } from '../../lambdas/audit/stores/s3-audit-heads.ts';
import { Bucket, type S3Fixture, startS3Fixture } from '../local/s3-client-fixture.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';

let fixture: S3Fixture;
let client: S3Client;
const requests: { method: string; headers: Record<string, string> }[] = [];
let replies: number[] = [];

beforeAll(async () => {
  const lock = { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: 31 } } };
  fixture = await startS3Fixture(null, {
    VersioningConfiguration: { Status: 'Enabled' },
    ObjectLockEnabled: true,
    ObjectLockConfiguration: lock,
  });
  client = fixture.client({ requestChecksumCalculation: 'WHEN_REQUIRED' });
  client.middlewareStack.add(
    (next) => async (args) => {
      const request = args.request as { method: string; headers: Record<string, string> };
      requests.push(request);
      const statusCode = replies.shift();
      if (statusCode === undefined) return await next(args);
      const error = {
        name: 'ConditionalRequestConflict',
        $fault: 'client',
        $metadata: { httpStatusCode: statusCode },
      } as const;
      throw new S3ServiceException(error);
    },
    { step: 'finalizeRequest', priority: 'low' },
  );
});
afterAll(async () => await fixture.close());

const heads = () => new S3AuditHeads(() => client, Bucket);
const put = async (Key: string, Body: string) =>
  await client.send(new PutObjectCommand({ Bucket, Key, Body, ChecksumAlgorithm: 'SHA256' }));

async function listAll(org: string, limit: number): Promise<StoredHead[]> {
  const found: StoredHead[] = [];
  for (;;) {
    const { items, more } = await heads().listHeads(org, found.at(-1)?.seq ?? 0, limit);
    expect(items.length).toBeLessThanOrEqual(limit);
    found.push(...items);
    if (!more) return found;
    expect(items.length).toBeGreaterThan(0);
  }
}

describe('seals in the locked bucket', () => {
  test('are created only if the number is free, with the checksum that Object Lock requires', async () => {
    requests.length = 0;
    expect(await heads().addHead('create', { seq: 1, jws: 'a.b.c' })).toBe(true);
    expect(requests[0]?.headers).toMatchObject({
      'if-none-match': '*',
      'x-amz-checksum-sha256': expect.stringMatching(/^.{44}$/),
    });
    expect(await heads().addHead('create', { seq: 1, jws: 'd.e.f' })).toBe(false);
    const [head] = (await heads().listHeads('create', 0, 10)).items;
    expect(head).toMatchObject({ seq: 1, complete: true, versions: [{ bytes: 5 }] });
    expect(await heads().readVersion('create', 1, head?.versions[0]?.id ?? '')).toBe('a.b.c');
  });

  test('are created once by concurrent runs', async () => {
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, n) => heads().addHead('race', { seq: 1, jws: `${n}` })),
    );
    expect(results.filter((stored) => stored)).toHaveLength(1);
    expect((await heads().listHeads('race', 0, 10)).items[0]?.versions).toHaveLength(1);
  });

  test('are tried again after 409, and unavailable if it does not end', async () => {
    replies = [409, 409];
    expect(await heads().addHead('busy', { seq: 1, jws: 'x' })).toBe(true);
    replies = [409, 409, 409, 409, 409];
    expect(await errorCodeOf(heads().addHead('busy', { seq: 2, jws: 'x' }))).toBe('unavailable');
    expect((await heads().listHeads('busy', 0, 10)).items).toHaveLength(1);
  });

  test('are listed with all versions, oldest first, although a delete marker hides them', async () => {
    for (const text of ['first', 'second!', 'third']) await heads().addVersion('hidden', { seq: 7, jws: text });
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'heads/hidden/000000000007' }));
    const { items, more } = await heads().listHeads('hidden', 0, 10);
    expect([items[0]?.versions.map(({ bytes }) => bytes), more]).toEqual([[5, 7, 5], false]);
    expect(await heads().readVersion('hidden', 7, items[0]?.versions[0]?.id ?? '')).toBe('first');
    expect(await heads().readVersion('hidden', 8, items[0]?.versions[0]?.id ?? '')).toBeUndefined();
  });

  test('are listed after any number, in pages of any size, whole, and without objects that are no seals', async () => {
    const versionsOf = (seq: number) => (seq % 10 === 0 ? 15 : 1);
    const numbers = Array.from({ length: 30 }, (_, n) => n + 1);
    const all = numbers.flatMap((seq) => Array.from({ length: versionsOf(seq) }, () => seq));
    for (const seq of all) await heads().addVersion('many', { seq, jws: 'x' });
    for (const key of ['000000000003x', '0000000000', 'x', '000000000000']) await put(`heads/many/${key}`, 'x');
    for (const limit of [1, 2, 7, 30, 500]) {
      const found = await listAll('many', limit);
      expect(found.map(({ seq }) => seq)).toEqual(numbers);
      expect(found.every(({ seq, versions, complete }) => complete && versions.length === versionsOf(seq))).toBe(true);
    }
  });

  test('of one organization are not those of another', async () => {
    await heads().addVersion('one', { seq: 1, jws: 'x' });
    await heads().addVersion('one2', { seq: 2, jws: 'x' });
    expect((await heads().listHeads('one', 0, 10)).items.map(({ seq }) => seq)).toEqual([1]);
  });
});

describe('a bucket that others have filled', () => {
  /** Answers lists that never end. */
  const flooded = (entry: (page: number) => object) => {
    let page = 0;
    const send = async () => entry(page++);
    return new S3AuditHeads(() => Object.assign(Object.create(client), { send }), Bucket);
  };

  test('with versions of one seal leaves that seal incomplete', async () => {
    const key = 'heads/a/000000000001';
    const heads = flooded((page) => ({
      Versions: [{ Key: key, VersionId: `v${page}`, Size: 1 }],
      IsTruncated: true,
      NextKeyMarker: key,
      NextVersionIdMarker: `v${page}`,
    }));
    const { items, more } = await heads.listHeads('a', 0, 10);
    expect([items.map(({ seq, complete }) => [seq, complete]), more]).toEqual([[[1, false]], true]);
  });

  test('with other objects is an error, because an empty page would end an export', async () => {
    const heads = flooded((page) => ({
      Versions: [{ Key: `heads/a/x${page}`, VersionId: 'v', Size: 1 }],
      IsTruncated: true,
      NextKeyMarker: `heads/a/x${page}`,
    }));
    const reader = new AuditHeads(heads, { list: async () => [] });
    expect(await errorCodeOf(reader.list('a', 0, 10))).toBe('decryption_failed');
  });
});
