/** The endpoints equal those of the AWS SDK for every partition and variant. */
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { describe, expect, test } from 'vitest';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { parseEndpoint, resolveEndpoint, type ServiceName } from '../../lambdas/aws/service-endpoint.ts';

/** Regions of each partition and its DNS suffix, which CloudFormation knows as `AWS::URLSuffix`. */
const regions: [region: string, dnsSuffix: string][] = [
  ['us-east-1', 'amazonaws.com'],
  ['eu-central-1', 'amazonaws.com'],
  ['cn-north-1', 'amazonaws.com.cn'],
  ['us-gov-west-1', 'amazonaws.com'],
  ['us-gov-east-1', 'amazonaws.com'],
  ['eusc-de-east-1', 'amazonaws.eu'],
  ['us-iso-east-1', 'c2s.ic.gov'],
  ['us-isob-east-1', 'sc2s.sgov.gov'],
  ['eu-isoe-west-1', 'cloud.adc-e.uk'],
  ['us-isof-south-1', 'csp.hci.ic.gov'],
];
const variants = [
  { useFipsEndpoint: false, useDualstackEndpoint: false },
  { useFipsEndpoint: true, useDualstackEndpoint: false },
  { useFipsEndpoint: false, useDualstackEndpoint: true },
  { useFipsEndpoint: true, useDualstackEndpoint: true },
];

/** The host of the request that the SDK would send. */
async function hostOfSdk(service: ServiceName, region: string, variant: object): Promise<string> {
  let host = '';
  const config = {
    region,
    ...variant,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    accountIdEndpointMode: 'disabled' as const,
    maxAttempts: 1,
    requestHandler: {
      handle: async ({ hostname }: { hostname: string }) => {
        host = hostname;
        throw new Error('not sent');
      },
    } as never,
  };
  const send = {
    dynamodb: () => new DynamoDBClient(config).send(new ListTablesCommand({})),
    kms: () => new KMSClient(config).send(new ListKeysCommand({})),
    lambda: () => new LambdaClient(config).send(new ListFunctionsCommand({})),
    sts: () => new STSClient(config).send(new GetCallerIdentityCommand({})),
    s3: () => new S3Client(config).send(new GetObjectCommand({ Bucket: 'bucket', Key: 'key' })),
  };
  await send[service]().catch((error: Error) => {
    if (error.message !== 'not sent') throw error;
  });
  return host;
}

const envOf = (region: string, dnsSuffix: string, variant: (typeof variants)[number]): NodeJS.ProcessEnv => ({
  AWS_REGION: region,
  [functionEnv.dnsSuffix]: dnsSuffix,
  [functionEnv.fipsEndpoints]: String(variant.useFipsEndpoint),
  [functionEnv.dualStackEndpoints]: String(variant.useDualstackEndpoint),
});

describe.each<ServiceName>(['dynamodb', 'kms', 'sts', 's3'])('the endpoint of %s', (service) => {
  test.each(regions)('in %s is that of the SDK, also with FIPS and dual-stack', async (region, dnsSuffix) => {
    let compared = 0;
    for (const variant of variants) {
      const expected = await hostOfSdk(service, region, variant).catch(() => undefined);
      // Not every partition has every variant. Those are a mistake of the deployment, which no request survives.
      if (expected === undefined) continue;
      const { hostname, protocol, port } = resolveEndpoint(service, envOf(region, dnsSuffix, variant));
      expect(protocol + (service === 's3' ? 'bucket.' : '') + hostname + port).toBe(`https:${expected}`);
      compared += 1;
    }
    expect(compared).toBeGreaterThanOrEqual(2);
  });

  test('is the address in the variable of the service, before that of all services', () => {
    const env = envOf('us-east-1', 'amazonaws.com', variants[0] ?? expect.fail());
    const all = { ...env, AWS_ENDPOINT_URL: 'http://127.0.0.1:4566/' };
    expect(resolveEndpoint(service, all)).toEqual({
      protocol: 'http:',
      hostname: '127.0.0.1',
      port: '4566',
      region: 'us-east-1',
    });
    const own = { ...all, [`AWS_ENDPOINT_URL_${service.toUpperCase()}`]: 'https://service.internal' };
    expect(resolveEndpoint(service, own)).toMatchObject({ protocol: 'https:', hostname: 'service.internal', port: '' });
    const ignored = { ...own, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' };
    expect(resolveEndpoint(service, ignored).hostname).toBe(`${service}.us-east-1.amazonaws.com`);
  });
});

test('an address that a signature would not cover is refused', () => {
  expect(() => parseEndpoint('http://127.0.0.1:4566/prefix')).toThrow('without a path');
  expect(() => parseEndpoint('ftp://127.0.0.1')).toThrow('http(s)');
});

test('a function without a region fails at its start', () => {
  expect(() => resolveEndpoint('kms', {})).toThrow('AWS_REGION');
});
