/**
 * The signed GetCallerIdentity request (docs/workload-identity.md, section 5). Client and vault build it from the same
 * parts, so no other request can be sent in its place.
 */

/** Header that binds the request to a deployment, an organization, a login and a nonce. */
export const serverIdHeader = 'x-anima-server-id';

export const callerIdentityBody = 'Action=GetCallerIdentity&Version=2011-06-15';
export const callerIdentityContentType = 'application/x-www-form-urlencoded; charset=utf-8';

/** The headers that the signature covers, in the order of the canonical request. */
export const signedHeaders = ['content-type', 'host', 'x-amz-date', 'x-amz-security-token', serverIdHeader] as const;

/** Audience of tokens for an organization, and first part of the server id. @param url base URL of the vault */
export const loginAudience = (url: string, org: string): string => `${new URL(url).origin}/${org}`;

export const serverId = (url: string, org: string, login: string, nonce: string): string =>
  `${loginAudience(url, org)}/${login}/${nonce}`;

/** Domain of the endpoints of each partition, and its regions that have an endpoint of STS. */
export const stsPartitions = {
  aws: {
    domain: 'amazonaws.com',
    regions: [
      'af-south-1',
      'ap-east-1',
      'ap-east-2',
      'ap-northeast-1',
      'ap-northeast-2',
      'ap-northeast-3',
      'ap-south-1',
      'ap-south-2',
      'ap-southeast-1',
      'ap-southeast-2',
      'ap-southeast-3',
      'ap-southeast-4',
      'ap-southeast-5',
      'ap-southeast-6',
      'ap-southeast-7',
      'ca-central-1',
      'ca-west-1',
      'eu-central-1',
      'eu-central-2',
      'eu-north-1',
      'eu-south-1',
      'eu-south-2',
      'eu-west-1',
      'eu-west-2',
      'eu-west-3',
      'il-central-1',
      'me-central-1',
      'me-south-1',
      'mx-central-1',
      'sa-east-1',
      'us-east-1',
      'us-east-2',
      'us-west-1',
      'us-west-2',
    ],
  },
  'aws-cn': { domain: 'amazonaws.com.cn', regions: ['cn-north-1', 'cn-northwest-1'] },
  'aws-us-gov': { domain: 'amazonaws.com', regions: ['us-gov-east-1', 'us-gov-west-1'] },
} as const satisfies Record<string, { readonly domain: string; readonly regions: readonly string[] }>;

export type AwsPartition = keyof typeof stsPartitions;

/** Host of the endpoint of STS in a region; undefined if the list has no such region. */
export function stsHostOf(region: string, partition: AwsPartition = 'aws'): string | undefined {
  const { domain, regions }: { readonly domain: string; readonly regions: readonly string[] } =
    stsPartitions[partition];
  return regions.includes(region) ? `sts.${region}.${domain}` : undefined;
}

/** The partition whose list has a region; undefined if none has. */
export const partitionOf = (region: string): AwsPartition | undefined =>
  (Object.keys(stsPartitions) as AwsPartition[]).find((partition) => stsHostOf(region, partition) !== undefined);
