/**
 * The endpoints of the services, by the same environment variables as in the AWS SDK. Source: AWS SDKs and Tools
 * reference guide, "Service-specific endpoints", "Dual-stack and FIPS endpoints"; tests compare with the SDK.
 */
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import type { Endpoint } from './http-exchange.ts';

export type ServiceName = 'dynamodb' | 'kms' | 'lambda' | 'sts' | 's3';

export interface ServiceLocation extends Endpoint {
  readonly region: string;
}

/** DNS suffixes of dual-stack endpoints by the DNS suffix of the partition (AWS SDK, `partitions`). */
const dualStackSuffixes: Readonly<Record<string, string>> = {
  'amazonaws.com': 'api.aws',
  'amazonaws.com.cn': 'api.amazonwebservices.com.cn',
  'amazonaws.eu': 'api.amazonwebservices.eu',
  'c2s.ic.gov': 'api.aws.ic.gov',
  'sc2s.sgov.gov': 'api.aws.scloud',
  'cloud.adc-e.uk': 'api.cloud-aws.adc-e.uk',
  'csp.hci.ic.gov': 'api.aws.hci.ic.gov',
};

/** @param env variables of the function. `AWS_REGION` is set by Lambda, the DNS suffix of the partition at deployment. */
export function resolveEndpoint(service: ServiceName, env: NodeJS.ProcessEnv = process.env): ServiceLocation {
  const region = requiredRegion(env);
  const override =
    env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS === 'true'
      ? undefined
      : env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] || env.AWS_ENDPOINT_URL;
  if (override) return { ...parseEndpoint(override), region };
  const suffix = env[functionEnv.dnsSuffix] || 'amazonaws.com';
  const hostname = hostOf(service, region, suffix, {
    fips: env[functionEnv.fipsEndpoints] === 'true',
    dualStack: env[functionEnv.dualStackEndpoints] === 'true',
  });
  return { protocol: 'https:', hostname, port: '', region };
}

/** The region of the function, which Lambda sets. */
export function requiredRegion(env: NodeJS.ProcessEnv = process.env): string {
  const region = env.AWS_REGION;
  if (!region) throw new Error('the environment lacks AWS_REGION');
  return region;
}

/** @throws Error if the address has a path, which would have to be part of the signature */
export function parseEndpoint(url: string): Endpoint {
  const { protocol, hostname, port, pathname } = new URL(url);
  if ((protocol !== 'http:' && protocol !== 'https:') || pathname !== '/')
    throw new Error(`${url} must be an http(s) address without a path`);
  return { protocol, hostname, port };
}

interface EndpointVariant {
  readonly fips: boolean;
  readonly dualStack: boolean;
}

function hostOf(service: ServiceName, region: string, suffix: string, { fips, dualStack }: EndpointVariant): string {
  if (service === 's3') return `s3${fips ? '-fips' : ''}${dualStack ? '.dualstack' : ''}.${region}.${suffix}`;
  // In GovCloud, the plain endpoints of these two are the FIPS endpoints.
  const isPlainFips = region.startsWith('us-gov-') && !dualStack && (service === 'dynamodb' || service === 'sts');
  const dualStackSuffix = dualStackSuffixes[suffix];
  if (dualStack && dualStackSuffix === undefined) throw new Error(`${suffix} has no dual-stack endpoints`);
  return `${service}${fips && !isPlainFips ? '-fips' : ''}.${region}.${dualStack ? dualStackSuffix : suffix}`;
}
