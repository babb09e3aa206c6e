/** From the resources of CloudFront in a template to what serves the page on this machine. */
import { inflateSync } from 'node:zlib';
import type { z } from 'zod';
import { LocalError } from '../shared/errors.ts';
import type {
  distributionSchema,
  edgeFunctionSchema,
  headersPolicySchema,
  publishedObjectSchema,
} from './cloudfront-resource-schemas.ts';

export interface DistributionSpec {
  /** `https://<domain>` by each name of the distribution. */
  readonly origins: readonly string[];
  /** In the order in which CloudFront tries them; the last matches every path. */
  readonly behaviours: readonly CacheBehavior[];
}

export interface CacheBehavior {
  /** With `*` for any characters and `?` for one. */
  readonly pathPattern: string;
  readonly allowedMethods: readonly string[];
  readonly target: 'api' | 'files';
  /** Source of the function that a request passes first. */
  readonly functionCode: string | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Objects of the origin, by path. */
  readonly files: ReadonlyMap<string, Buffer>;
}

/** Resolved properties, and what references to the resource stand for. */
interface DistributionResources {
  readonly distribution: z.infer<typeof distributionSchema> & { readonly domainName: string };
  readonly functions: readonly (z.infer<typeof edgeFunctionSchema> & { readonly arn: string })[];
  readonly policies: readonly (z.infer<typeof headersPolicySchema> & { readonly id: string })[];
  readonly published: readonly z.infer<typeof publishedObjectSchema>[];
}

type BehaviourProperties = DistributionResources['distribution']['DistributionConfig']['DefaultCacheBehavior'];

/** Throws a LocalError when the distribution refers to what is not in the template. */
export function toDistributionSpec({
  distribution,
  functions,
  policies,
  published,
}: DistributionResources): DistributionSpec {
  const { DefaultCacheBehavior, CacheBehaviors, Origins, Aliases } = distribution.DistributionConfig;
  // The publisher itself is not invoked here: what it would put into the bucket is read where it stands.
  const files = new Map(
    published.map(({ Key, Content }) => [`/${Key}`, inflateSync(Buffer.from(Content, 'base64'))] as const),
  );
  const behaviour = (pathPattern: string, properties: BehaviourProperties): CacheBehavior => {
    const origin = Origins.find(({ Id }) => Id === properties.TargetOriginId);
    const [association] = properties.FunctionAssociations;
    const edge = functions.find(({ arn }) => arn === association?.FunctionARN);
    const policy = policies.find(({ id }) => id === properties.ResponseHeadersPolicyId);
    if (
      origin === undefined ||
      (association !== undefined && edge === undefined) ||
      (properties.ResponseHeadersPolicyId !== undefined && policy === undefined)
    ) {
      throw new LocalError(`The behaviour ${pathPattern} of the distribution refers to what is not in this template.`);
    }
    return {
      pathPattern,
      allowedMethods: properties.AllowedMethods,
      target: origin.CustomOriginConfig === undefined ? 'files' : 'api',
      functionCode: edge?.FunctionCode,
      headers: policy === undefined ? [] : responseHeadersOf(policy),
      files,
    };
  };
  return {
    origins: [distribution.domainName, ...Aliases].map((name) => `https://${name}`),
    behaviours: [
      ...CacheBehaviors.map(({ PathPattern, ...properties }) => behaviour(PathPattern, properties)),
      behaviour('*', DefaultCacheBehavior),
    ],
  };
}

/** By the names that CloudFront gives them. HSTS is left away: browsers ignore it on plain HTTP (RFC 6797, section 8.1). */
function responseHeadersOf({
  ResponseHeadersPolicyConfig,
}: DistributionResources['policies'][number]): [string, string][] {
  const { ContentSecurityPolicy, FrameOptions, ReferrerPolicy } = ResponseHeadersPolicyConfig.SecurityHeadersConfig;
  return [
    ['content-security-policy', ContentSecurityPolicy.ContentSecurityPolicy],
    ['x-content-type-options', 'nosniff'],
    ['x-frame-options', FrameOptions.FrameOption],
    ['referrer-policy', ReferrerPolicy.ReferrerPolicy],
    ...ResponseHeadersPolicyConfig.CustomHeadersConfig.Items.map(({ Header, Value }): [string, string] => [
      Header.toLowerCase(),
      Value,
    ]),
  ];
}
