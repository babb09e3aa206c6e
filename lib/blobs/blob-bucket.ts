import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { type Conditions, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  HttpMethods,
  type LifecycleRule,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import {
  functionEnv,
  objectLifetimeDays,
  objectLifetimeTag,
  unfinishedLifetimeValue,
  unfinishedObjectDays,
} from '../../contract/shared/environment-variables.ts';
import { sessionOrgTag } from '../shared/session-role.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * The ciphertext of blobs, as `<org>/<id>.enc`. No versions are kept, so that what is deleted is gone; what expires, and what
 * was never completed, goes by the tag that it carries. It outlives the stack.
 */
export class BlobBucket extends Construct {
  readonly name: string;
  /** `https://…`, where presigned addresses lead. */
  readonly origin: string;
  private readonly bucket: Bucket;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      // What lies here is ciphertext already; a KMS key of ours would make each download a call of KMS, and hide nothing more.
      encryption: BucketEncryption.S3_MANAGED,
      // Whoever has a presigned address has the ciphertext, from whatever page: cookies play no part, so CORS guards nothing
      // here. And a rule that names the page would close a circle with the policy of the page, which names this bucket.
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
      removalPolicy: RemovalPolicy.RETAIN,
    });
    Validations.of(this.bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason: 'Its lines would hold presigned addresses, which open objects. Openings are in the audit.',
    });
    this.name = this.bucket.bucketName;
    this.origin = `https://${this.bucket.bucketRegionalDomainName}`;
  }

  /**
   * Objects uploaded whole or in parts, compared with what was announced, tagged and deleted. `s3:GetObject` is what IAM asks
   * for to see size and checksum.
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

  /** Objects downloaded, tagged after their last opening, deleted when they are burned. */
  grantOpen(fn: VaultFunction): void {
    this.grantObjects(fn, ['s3:DeleteObject', 's3:GetObject', 's3:PutObjectTagging']);
  }

  /**
   * Objects of an org found and deleted, and uploads aborted, which the records name; none read. Uploads are not listed: IAM
   * can't limit `s3:ListBucketMultipartUploads` to a prefix, so it would show those of every org.
   */
  grantDestroy(fn: VaultFunction): void {
    this.grantObjects(fn, ['s3:AbortMultipartUpload', 's3:DeleteObject']);
    const list = new PolicyStatement({ actions: ['s3:ListBucket'], resources: [this.bucket.bucketArn] });
    fn.allowForOrg(list, prefixIsOrg);
  }

  /** Objects of the session's org; S3 has no condition for that but the resource itself. */
  private grantObjects(fn: VaultFunction, actions: string[]): void {
    const keys = fn.tagged ? `${sessionOrgTag}/*` : '*';
    fn.allowForOrg(new PolicyStatement({ actions, resources: [this.bucket.arnForObjects(keys)] }), {});
    const name = Stack.of(this).resolve(this.bucket.bucketArn)['Fn::GetAtt'][0];
    Validations.of(fn).acknowledge({
      // cdk-nag writes variables of policies as it writes references.
      id: `AwsSolutions-IAM5[Resource::<${name}.Arn>/${keys.replace(/\$\{([^}]+)\}/, '<$1>')}]`,
      reason: 'Ids of blobs only exist once they are made; the folder is that of the org of the session.',
    });
    fn.set(functionEnv.blobBucket, this.bucket.bucketName);
  }
}

/** What is listed is the folder of the session's org, from its root. */
const prefixIsOrg: Conditions = { StringEquals: { 's3:prefix': `${sessionOrgTag}/` } };

/** S3 counts days from an object's beginning, and an upload's; a change of the tag changes which rule holds. */
const lifecycleRules = (): LifecycleRule[] => [
  { id: 'unfinished-uploads', abortIncompleteMultipartUploadAfter: Duration.days(unfinishedObjectDays) },
  { id: unfinishedLifetimeValue, ...expirationRule(unfinishedLifetimeValue, unfinishedObjectDays) },
  ...objectLifetimeDays.map((days) => ({ id: `days-${days}`, ...expirationRule(String(days), days) })),
];

const expirationRule = (lifetime: string, days: number): LifecycleRule => ({
  tagFilters: { [objectLifetimeTag]: lifetime },
  expiration: Duration.days(days),
});
