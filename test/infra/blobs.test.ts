import { beforeAll, describe, expect, test } from 'vitest';
import { functionEnv, objectLifetimeDays, unfinishedObjectDays } from '../../contract/shared/environment-variables.ts';
import { limits } from '../../contract/shared/limits.ts';
import {
  appForTest,
  buckets,
  functionOf,
  ofType,
  type Resource,
  type Synthesized,
  synthesize,
  target,
} from './synthesized-template.ts';

let template: Synthesized;
let id: string;
let bucket: Resource;

beforeAll(() => {
  template = synthesize(appForTest({ blobMaxBytes: 1_000_000 }));
  [id, bucket] = buckets(template).object ?? expect.fail('no bucket of blobs');
});

/** The statements of a bucket's policy. */
const policyOf = (bucketId: string): unknown[] =>
  ofType(template, 'AWS::S3::BucketPolicy')
    .filter(([, { Properties }]) => target(Properties.Bucket) === bucketId)
    .flatMap(([, { Properties }]) => Object(Properties.PolicyDocument).Statement);

const all = ['locked', 'object', 'page'] as const;

describe('buckets', () => {
  test('there is one for blobs, one for the page, one for marks and heads of the audit, and no other', () => {
    expect(ofType(template, 'AWS::S3::Bucket')).toHaveLength(3);
    expect(Object.keys(buckets(template)).sort()).toEqual([...all]);
  });

  test.each(all)('%s: nothing in it is ever public, and no object has an ACL', (word) => {
    expect(buckets(template)[word]?.[1].Properties).toMatchObject({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    });
  });

  test.each(all)('%s: whatever comes without TLS is denied, to everyone', (word) => {
    const [bucketId = ''] = buckets(template)[word] ?? [];
    const arn = { 'Fn::GetAtt': [bucketId, 'Arn'] };
    expect(policyOf(bucketId)[0]).toEqual({
      Action: 's3:*',
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Resource: [arn, { 'Fn::Join': ['', [arn, '/*']] }],
    });
  });

  test.each(all)('%s: encrypted by S3, kept when the stack goes', (word) => {
    expect(buckets(template)[word]?.[1]).toMatchObject({
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
      },
    });
  });
});

describe('the bucket of blobs', () => {
  test('has no policy but that denial: nobody outside the deployment is let in', () => {
    expect(policyOf(id)).toHaveLength(1);
  });

  test('keeps no versions, no copies and no log, so that what is deleted is gone, and no address of an object is written down', () => {
    const kept = ['VersioningConfiguration', 'ReplicationConfiguration', 'ObjectLockEnabled', 'LoggingConfiguration'];
    for (const property of kept) expect(bucket.Properties).not.toHaveProperty(property);
  });

  test('removes by tag what expires and what was never completed, and uploads that were left', () => {
    const byTag = (Value: string, days: number) => ({
      ExpirationInDays: days,
      Status: 'Enabled',
      TagFilters: [{ Key: 'lifetime', Value }],
    });
    const rules: object[] = Object(bucket.Properties.LifecycleConfiguration).Rules;
    expect(rules.map((rule) => ({ ...rule, Id: undefined }))).toEqual([
      { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 3 }, Status: 'Enabled' },
      byTag('unfinished', 3),
      byTag('2', 2),
      byTag('8', 8),
      byTag('31', 31),
      byTag('91', 91),
      byTag('366', 366),
    ]);
  });

  test('lets an upload last as long as was promised, and a blob as long as its expiry', () => {
    const day = 86_400;
    expect(unfinishedObjectDays * day).toBeGreaterThan(limits.blobUploadSeconds);
    expect(Math.max(...objectLifetimeDays) * day).toBeGreaterThanOrEqual(limits.blobExpiryMax);
  });

  test('serves pages of all origins, which need to send bytes and to read sizes and checksums', () => {
    expect(bucket.Properties.CorsConfiguration).toEqual({
      CorsRules: [
        {
          AllowedOrigins: ['*'],
          AllowedMethods: ['GET', 'HEAD', 'PUT', 'POST'],
          AllowedHeaders: ['*'],
          ExposedHeaders: ['etag', 'content-range', 'x-amz-checksum-sha256'],
          MaxAge: 3600,
        },
      ],
    });
  });

  test('takes blobs as large as was chosen', () => {
    expect(functionOf(template, 'blobs')[1].Properties).toMatchObject({
      Environment: { Variables: { [functionEnv.blobMaxBytes]: '1000000' } },
    });
  });
});
