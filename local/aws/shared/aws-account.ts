/** The emulated account and region. The template receives them as pseudo parameters. */
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

/** Origin of queue URLs on AWS. */
export const sqsOrigin = `https://sqs.${account.region}.${account.urlSuffix}`;

/** URL of a queue; by default the URL on AWS. */
export const queueUrl = (name: string, origin: string = sqsOrigin): string => `${origin}/${account.id}/${name}`;

/** Domain of a bucket on AWS. */
export const bucketDomain = (bucket: string): string => `${bucket}.s3.${account.region}.${account.urlSuffix}`;

/** ARN of a bucket or an object. It has no region or account, because bucket names are globally unique. */
export const bucketArn = (bucket: string, key?: string): string =>
  `arn:${account.partition}:s3:::${bucket}${key === undefined ? '' : `/${key}`}`;
