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
