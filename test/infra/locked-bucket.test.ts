/** The bucket of marks and audit heads: nobody can change or delete what it holds. */
import { beforeAll, describe, expect, test } from 'vitest';
import {
  appForTest,
  buckets,
  ofType,
  type Resource,
  type Synthesized,
  synthesize,
  target,
} from './synthesized-template.ts';

const lockedBucketOf = (template: Synthesized): [string, Resource] =>
  buckets(template).locked ?? expect.fail('no locked bucket');

describe('the locked bucket', () => {
  let template: Synthesized;
  beforeAll(() => {
    template = synthesize(appForTest());
  });

  test('keeps every version, is closed to the public, and is kept when the stack is deleted', () => {
    expect(lockedBucketOf(template)[1]).toMatchObject({
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        ObjectLockEnabled: true,
        VersioningConfiguration: { Status: 'Enabled' },
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
      },
    });
  });

  test('has no lifecycle rule for heads: verification needs them for as long as the organization exists', () => {
    const { LifecycleConfiguration } = lockedBucketOf(template)[1].Properties;
    expect(LifecycleConfiguration).toEqual({
      Rules: [
        {
          Id: 'replaced-marks',
          Prefix: 'marks/',
          Status: 'Enabled',
          NoncurrentVersionExpiration: { NoncurrentDays: 1 },
        },
        {
          Id: 'replaced-directories',
          Prefix: 'directories/',
          Status: 'Enabled',
          NoncurrentVersionExpiration: { NoncurrentDays: 1 },
        },
      ],
    });
  });

  test('denies everyone deletion and the bypass of its retention, and requests without TLS', () => {
    const [id] = lockedBucketOf(template);
    const policies = ofType(template, 'AWS::S3::BucketPolicy').filter(
      ([, { Properties }]) => target(Properties.Bucket) === id,
    );
    const bucket = { 'Fn::GetAtt': [id, 'Arn'] };
    const objects = { 'Fn::Join': ['', [bucket, '/*']] };
    expect(policies.map(([, { Properties }]) => Properties.PolicyDocument)).toEqual([
      {
        Version: '2012-10-17',
        Statement: [
          {
            Action: 's3:*',
            Effect: 'Deny',
            Principal: { AWS: '*' },
            Resource: [bucket, objects],
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          },
          {
            Sid: 'NobodyDeletes',
            Effect: 'Deny',
            Principal: '*',
            Action: ['s3:BypassGovernanceRetention', 's3:DeleteObject', 's3:DeleteObjectVersion'],
            Resource: objects,
          },
        ],
      },
    ]);
  });
});

test.each([
  [{}, 'GOVERNANCE', 1],
  [{ stage: 'dev', auditRetentionDays: '30' }, 'GOVERNANCE', 1],
  [{ stage: 'prod' }, 'COMPLIANCE', 401],
  [{ stage: 'prod', auditRetentionDays: '30' }, 'COMPLIANCE', 31],
  [{ stage: 'prod', auditRetentionDays: '0' }, 'COMPLIANCE', 3653],
  // The longest that S3 accepts.
  [{ stage: 'prod', auditRetentionDays: '99999' }, 'COMPLIANCE', 36_500],
])('the settings %j lock each version in mode %s for %i days', (context, Mode, Days) => {
  const [, { Properties }] = lockedBucketOf(synthesize(appForTest(context)));
  expect(Properties).toMatchObject({
    ObjectLockEnabled: true,
    ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention: { Mode, Days } } },
  });
});
