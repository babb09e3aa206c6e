import { Duration, Validations } from 'aws-cdk-lib';
import { type Conditions, Effect, PolicyStatement, StarPrincipal } from 'aws-cdk-lib/aws-iam';
import { Bucket, ObjectLockRetention } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import {
  auditHeadPrefix,
  directoryMarkPrefix,
  functionEnv,
  orgMarkPrefix,
} from '../../contract/shared/environment-variables.ts';
import { grantObjects, privateBucket } from './private-bucket.ts';
import { sessionOrgTag } from './session-role.ts';
import type { VaultFunction } from './vault-function.ts';

/** The longest default retention that S3 accepts, days. */
const maxRetentionDays = 36_500;
/**
 * Retention of heads where audit records are kept forever: nobody, not even the account's root user, can end it
 * earlier.
 */
const unlimitedRetentionDays = 3_653;

interface LockedBucketProps {
  /** Physical name; undefined lets CloudFormation generate it. */
  readonly name: string | undefined;
  readonly stage: string;
  /** As in the deployment settings; 0 means forever. */
  readonly auditRetentionDays: number;
}

/**
 * The bucket of what must stay out of reach of anyone who can write the tables: a mark per org (`marks/<org>`), a mark of its
 * directory (`directories/<org>`), and the heads of the audit (`heads/<org>/<seq>`). S3 Object Lock keeps every version of an object. Object Lock is always on,
 * because changing it would replace the bucket; only the default retention differs between stages.
 */
export class LockedBucket extends Construct {
  readonly name: string;
  private readonly bucket: Bucket;

  constructor(scope: Construct, id: string, { name, stage, auditRetentionDays }: LockedBucketProps) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      ...privateBucket,
      ...(name !== undefined && { bucketName: name }),
      versioned: true,
      objectLockEnabled: true,
      objectLockDefaultRetention: defaultRetention(stage, auditRetentionDays),
      // Replaced marks are of no use any more. S3 removes a version only after its retention has ended.
      lifecycleRules: [orgMarkPrefix, directoryMarkPrefix].map((prefix) => ({
        id: `replaced-${prefix.slice(0, -1)}`,
        prefix,
        noncurrentVersionExpiration: Duration.days(1),
      })),
    });
    // Lifecycle rules are not subject to this policy.
    this.bucket.addToResourcePolicy(
      new PolicyStatement({
        sid: 'NobodyDeletes',
        effect: Effect.DENY,
        principals: [new StarPrincipal()],
        actions: ['s3:BypassGovernanceRetention', 's3:DeleteObject', 's3:DeleteObjectVersion'],
        resources: [this.bucket.arnForObjects('*')],
      }),
    );
    Validations.of(this.bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'Objects cannot be deleted or overwritten while they are locked, so access logs would prove nothing more.',
    });
    this.name = this.bucket.bucketName;
  }

  /** Reads the mark of an org. */
  grantReadMark(fn: VaultFunction): void {
    this.grantObjects(fn, orgMarkPrefix, '', ['s3:GetObject']);
  }

  /** Reads, creates and replaces the mark of an org. */
  grantWriteMark(fn: VaultFunction): void {
    this.grantObjects(fn, orgMarkPrefix, '', ['s3:GetObject', 's3:PutObject']);
  }

  /** Reads, creates and replaces the mark of the directory of an org. */
  grantDirectoryMark(fn: VaultFunction): void {
    this.grantObjects(fn, directoryMarkPrefix, '', ['s3:GetObject', 's3:PutObject']);
  }

  /** Adds heads of the audit and reads all versions of those that exist. */
  grantAddHeads(fn: VaultFunction): void {
    this.grantHeads(fn, ['s3:GetObjectVersion', 's3:PutObject']);
  }

  /** Reads the heads of the audit with all their versions. */
  grantReadHeads(fn: VaultFunction): void {
    this.grantHeads(fn, ['s3:GetObjectVersion']);
  }

  /** Heads are listed and read by version, because a delete marker or a later version can hide one. */
  private grantHeads(fn: VaultFunction, actions: string[]): void {
    this.grantObjects(fn, auditHeadPrefix, '/*', actions);
    const list = new PolicyStatement({ actions: ['s3:ListBucketVersions'], resources: [this.bucket.bucketArn] });
    fn.allowForOrg(list, headsOfOrg);
  }

  /** Limits the actions to objects of the session's org. S3 supports this only in the resource, not in a condition. */
  private grantObjects(fn: VaultFunction, prefix: string, suffix: string, actions: string[]): void {
    const keys = prefix + (fn.tagged ? sessionOrgTag + suffix : '*');
    const reason = 'Orgs and heads are created at run time. The prefix is the org of the session.';
    grantObjects(fn, this.bucket, functionEnv.lockedBucket, keys, actions, reason);
  }
}

/** The listed prefix must be the folder of the session's org. */
const headsOfOrg: Conditions = { StringEquals: { 's3:prefix': `${auditHeadPrefix}${sessionOrgTag}/` } };

/** One day and removable in `dev`. In other stages, nobody can shorten it, so it must not be longer than useful. */
const defaultRetention = (stage: string, auditRetentionDays: number): ObjectLockRetention => {
  if (stage === 'dev') return ObjectLockRetention.governance(Duration.days(1));
  const days = auditRetentionDays === 0 ? unlimitedRetentionDays : auditRetentionDays + 1;
  return ObjectLockRetention.compliance(Duration.days(Math.min(days, maxRetentionDays)));
};
