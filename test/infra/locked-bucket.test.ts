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

let template: Synthesized;
let id: string;
let bucket: Resource;

beforeAll(() => {
  template = synthesize(appForTest());
  [id, bucket] = buckets(template).locked ?? expect.fail('no locked bucket');
});

interface Statement {
  readonly Action: string | string[];
  readonly Effect: string;
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

const statementsOf = (type: string, from = template): Statement[] =>
  ofType(from, type).flatMap(([, { Properties }]) => Object(Properties.PolicyDocument).Statement);

const retentionWith = (context: Record<string, unknown>): unknown =>
  Object(buckets(synthesize(appForTest(context))).locked?.[1].Properties.ObjectLockConfiguration).Rule.DefaultRetention;

describe('the locked bucket', () => {
  test('has versions and Object Lock in every stage, because turning it on later would replace the bucket', () => {
    for (const context of [{}, { stage: 'prod' }]) {
      const [, { Properties }] = buckets(synthesize(appForTest(context))).locked ?? expect.fail('no locked bucket');
      expect(Properties).toMatchObject({
        VersioningConfiguration: { Status: 'Enabled' },
        ObjectLockEnabled: true,
        ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled' },
      });
    }
  });

  test.each([
    ['dev', { stage: 'dev', auditRetentionDays: 400 }, { Mode: 'GOVERNANCE', Days: 1 }],
    [
      'prod, one day longer than audit records',
      { stage: 'prod', auditRetentionDays: 400 },
      { Mode: 'COMPLIANCE', Days: 401 },
    ],
    [
      'prod, with audit records that are kept forever',
      { stage: 'prod', auditRetentionDays: 0 },
      { Mode: 'COMPLIANCE', Days: 3653 },
    ],
  ])('keeps every version for the default retention of %s', (_, context, retention) => {
    expect(retentionWith(context)).toEqual(retention);
  });

  test('removes only replaced versions of marks, once they are not locked any more', () => {
    expect(Object(bucket.Properties.LifecycleConfiguration).Rules).toEqual([
      {
        Id: 'replaced-marks',
        NoncurrentVersionExpiration: { NoncurrentDays: 1 },
        Prefix: 'marks/',
        Status: 'Enabled',
      },
    ]);
  });

  test('lets nobody delete an object or bypass a retention, and lets nobody outside the deployment in', () => {
    const arn = { 'Fn::GetAtt': [id, 'Arn'] };
    const own = ofType(template, 'AWS::S3::BucketPolicy').filter(
      ([, { Properties }]) => target(Properties.Bucket) === id,
    );
    const statements = own.flatMap(([, { Properties }]) => Object(Properties.PolicyDocument).Statement);
    expect(statements.map(({ Effect }: Statement) => Effect)).toEqual(['Deny', 'Deny']);
    expect(statements[1]).toEqual({
      Sid: 'NobodyDeletes',
      Effect: 'Deny',
      Principal: '*',
      Action: ['s3:BypassGovernanceRetention', 's3:DeleteObject', 's3:DeleteObjectVersion'],
      Resource: { 'Fn::Join': ['', [arn, '/*']] },
    });
  });

  test.each([
    ['on', 'marks/${aws:PrincipalTag/org}'],
    ['off', 'marks/*'],
  ])('with session tags %s, functions read and write objects %s and nothing else of it', (sessionTags, keys) => {
    const from = synthesize(appForTest({ sessionTags }));
    const [bucketId] = buckets(from).locked ?? expect.fail('no locked bucket');
    const uses = statementsOf('AWS::IAM::Policy', from).filter(({ Resource: of }) =>
      JSON.stringify(of).includes(bucketId),
    );
    expect(uses.length).toBeGreaterThan(0);
    for (const { Action, Effect, Resource: of } of uses) {
      expect(Effect).toBe('Allow');
      expect(of).toEqual({ 'Fn::Join': ['', [{ 'Fn::GetAtt': [bucketId, 'Arn'] }, `/${keys}`]] });
      expect([['s3:GetObject'], ['s3:GetObject', 's3:PutObject']]).toContainEqual([Action].flat());
    }
  });
});
