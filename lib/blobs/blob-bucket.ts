import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { type Conditions, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Bucket, HttpMethods, type LifecycleRule } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import {
  functionEnv,
  mediaKeyFolder,
  objectLifetimeDays,
  objectLifetimeTag,
  unfinishedLifetimeValue,
  unfinishedObjectDays,
} from '../../contract/shared/environment-variables.ts';
import { readEndpoints } from '../shared/deployment-settings.ts';
import { grantObjects, privateBucket } from '../shared/private-bucket.ts';
import { sessionOrgTag } from '../shared/session-role.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * The ciphertext of blobs, as `<org>/<id>.enc`, and of attachments of messages, as `<org>/session/<name>`. What a form
 * uploads is `<org>/<id>.form` until completion. Versioning
 * is off, so that a deleted object cannot be restored. Lifecycle rules delete expired and incomplete objects by their
 * tag. The bucket is retained when the stack is deleted.
 */
export class BlobBucket extends Construct {
  readonly name: string;
  /** `https://…`, the origin of presigned URLs. */
  readonly origin: string;
  private readonly bucket: Bucket;

  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      ...privateBucket,
      ...(name !== undefined && { bucketName: name }),
      // Objects are already ciphertext. A customer managed KMS key would add a KMS call per download and no
      // confidentiality.
      // CORS gives no protection here: a presigned URL gives access from any page, and cookies are not used. A rule
      // with the origin of the link page would also create a circular dependency, because the policy of the page names
      // this bucket.
      cors: [
        {
          allowedOrigins: ['*'],
          allowedMethods: [HttpMethods.GET, HttpMethods.HEAD, HttpMethods.PUT, HttpMethods.POST],
          allowedHeaders: ['*'],
          exposedHeaders: ['etag', 'content-range', 'x-amz-checksum-sha256'],
          maxAge: 3600,
        },
      ],
      lifecycleRules: lifecycleRules(),
    });
    Validations.of(this.bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'Access logs would contain presigned URLs, which give access to objects. Openings are recorded in the audit.',
    });
    this.name = this.bucket.bucketName;
    this.origin = `https://${this.variantDomainName() ?? this.bucket.bucketRegionalDomainName}`;
  }

  /** The bucket's domain name if the functions call other endpoints than the standard ones. */
  private variantDomainName(): string | undefined {
    const { fips, dualStack } = readEndpoints(this.node);
    if (!fips && !dualStack) return undefined;
    const { region, urlSuffix } = Stack.of(this);
    const service = `s3${fips ? '-fips' : ''}${dualStack ? '.dualstack' : ''}`;
    return `${this.bucket.bucketName}.${service}.${region}.${urlSuffix}`;
  }

  /**
   * Uploads objects in one request or in parts, checks them against the announced size and checksum, copies and tags
   * them, and deletes them. IAM requires `s3:GetObject` to read size and checksum, and to copy.
   */
  grantUpload(fn: VaultFunction): void {
    this.grantObjects(fn, [
      's3:AbortMultipartUpload',
      's3:DeleteObject',
      's3:GetObject',
      's3:ListMultipartUploadParts',
      's3:PutObject',
      's3:PutObjectTagging',
    ]);
  }

  /** Checks and downloads objects, tags them after their last opening, and deletes them when they are burned. */
  grantOpen(fn: VaultFunction): void {
    this.grantObjects(fn, ['s3:DeleteObject', 's3:GetObject', 's3:PutObjectTagging']);
  }

  /**
   * Lists and deletes the objects of an org, and aborts the uploads that are in its records. Objects cannot be read.
   * Uploads are not listed, because IAM cannot limit `s3:ListBucketMultipartUploads` to a prefix: the list would
   * include all orgs.
   */
  grantDestroy(fn: VaultFunction): void {
    this.grantObjects(fn, ['s3:AbortMultipartUpload', 's3:DeleteObject']);
    const list = new PolicyStatement({ actions: ['s3:ListBucket'], resources: [this.bucket.bucketArn] });
    fn.allowForOrg(list, prefixIsOrg);
  }

  /** Presigns uploads and downloads of the attachments of messages, `<org>/session/<name>`, and nothing else of an org. */
  grantAttachments(fn: VaultFunction): void {
    this.grantObjects(fn, ['s3:GetObject', 's3:PutObject', 's3:PutObjectTagging'], 'session/');
  }

  /** Stores the files of incoming messages. They expire unless the worker takes them over. */
  grantReceiveMedia(fn: VaultFunction): void {
    this.grantObjects(fn, ['s3:PutObject', 's3:PutObjectTagging'], `${mediaKeyFolder}/received/`);
  }

  /** Stores, copies and deletes the files of users' messages, and signs URLs for them. */
  grantKeepMedia(fn: VaultFunction): void {
    const actions = ['s3:DeleteObject', 's3:GetObject', 's3:PutObject', 's3:PutObjectTagging'];
    this.grantObjects(fn, actions, `${mediaKeyFolder}/`);
    const list = new PolicyStatement({ actions: ['s3:ListBucket'], resources: [this.bucket.bucketArn] });
    fn.allowForOrg(list, prefixIsMedia);
  }

  /** Signs URLs of the files of users' messages. */
  grantReadMedia(fn: VaultFunction): void {
    this.grantObjects(fn, ['s3:GetObject'], `${mediaKeyFolder}/`);
  }

  /** Limits the actions to objects of the session's org. S3 supports this only in the resource, not in a condition. */
  private grantObjects(fn: VaultFunction, actions: string[], folder = ''): void {
    const keys = fn.tagged ? `${sessionOrgTag}/${folder}*` : folder === '' ? '*' : `*/${folder}*`;
    const reason = 'Blob IDs are created at run time. The prefix is the org of the session.';
    grantObjects(fn, this.bucket, functionEnv.blobBucket, keys, actions, reason);
  }
}

/** The listed prefix must be the folder of the session's org. */
const prefixIsOrg: Conditions = { StringEquals: { 's3:prefix': `${sessionOrgTag}/` } };

/** The listed prefix must be the folder of one user's files, in the session's org. */
const prefixIsMedia: Conditions = { StringLike: { 's3:prefix': `${sessionOrgTag}/${mediaKeyFolder}/*` } };

/** S3 counts the days from the creation of an object or upload. Changing the tag selects a different rule. */
const lifecycleRules = (): LifecycleRule[] => [
  { id: 'unfinished-uploads', abortIncompleteMultipartUploadAfter: Duration.days(unfinishedObjectDays) },
  { id: unfinishedLifetimeValue, ...expirationRule(unfinishedLifetimeValue, unfinishedObjectDays) },
  ...objectLifetimeDays.map((days) => ({ id: `days-${days}`, ...expirationRule(String(days), days) })),
];

const expirationRule = (lifetime: string, days: number): LifecycleRule => ({
  tagFilters: { [objectLifetimeTag]: lifetime },
  expiration: Duration.days(days),
});
