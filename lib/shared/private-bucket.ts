import { Validations } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, type Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import type { functionEnv } from '../../contract/shared/environment-variables.ts';
import { nagResourceName } from './nag-resource-name.ts';
import { statefulRemoval } from './stateful-removal.ts';
import type { VaultFunction } from './vault-function.ts';

/** Properties of every bucket. It is retained when the stack is deleted. */
export const privateBucket = {
  blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
  enforceSSL: true,
  objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
  encryption: BucketEncryption.S3_MANAGED,
  removalPolicy: statefulRemoval,
};

/** Limits the actions to objects of the session's org. S3 supports this only in the resource, not in a condition. */
export const grantObjects = (
  fn: VaultFunction,
  bucket: Bucket,
  setting: (typeof functionEnv)['blobBucket' | 'lockedBucket'],
  keys: string,
  actions: string[],
  reason: string,
): void => {
  fn.allowForOrg(new PolicyStatement({ actions, resources: [bucket.arnForObjects(keys)] }), {});
  if (keys.includes('*')) {
    Validations.of(fn).acknowledge({
      // cdk-nag formats policy variables like references.
      id: `AwsSolutions-IAM5[Resource::${nagResourceName(bucket, bucket.bucketArn, fn)}/${keys.replace(/\$\{([^}]+)\}/, '<$1>')}]`,
      reason,
    });
  }
  fn.set(setting, bucket.bucketName);
};
