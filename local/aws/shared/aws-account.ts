/** The account and region that a local deployment pretends to be in; the template sees them as pseudo parameters. */
export const account = {
  id: '000000000000',
  region: 'us-east-1',
  partition: 'aws',
  urlSuffix: 'amazonaws.com',
} as const;

/** ARN of a regional resource, e.g. `arn('kms', 'key/1234')`. */
export const arn = (service: string, resource: string): string =>
  `arn:${account.partition}:${service}:${account.region}:${account.id}:${resource}`;

/** ARN of an IAM identity (IAM is global: its ARNs have no region), e.g. `iamArn('role/reader')`. */
export const iamArn = (resource: string): string => `arn:${account.partition}:iam::${account.id}:${resource}`;

/** Where queues are at AWS. */
export const sqsOrigin = `https://sqs.${account.region}.${account.urlSuffix}`;

/** URL of a queue, at AWS unless told. */
export const queueUrl = (name: string, origin: string = sqsOrigin): string => `${origin}/${account.id}/${name}`;

/** Where a bucket is at AWS. */
export const bucketDomain = (bucket: string): string => `${bucket}.s3.${account.region}.${account.urlSuffix}`;

/** ARN of a bucket or of an object in it; a bucket's name is unique in the world, so neither region nor account is in it. */
export const bucketArn = (bucket: string, key?: string): string =>
  `arn:${account.partition}:s3:::${bucket}${key === undefined ? '' : `/${key}`}`;
