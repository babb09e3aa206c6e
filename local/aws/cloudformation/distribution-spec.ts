/** Converts the CloudFront resources of a template to the spec of the distribution server. */
import { inflateSync } from 'node:zlib';
import type { z } from 'zod';
import { LocalError } from '../shared/errors.ts';
import type {
  distributionSchema,
  edgeFunctionSchema,
  headersPolicySchema,
  originRequestPolicySchema,
  publishedObjectSchema,
} from './cloudfront-resource-schemas.ts';

export interface DistributionSpec {
  /** `https://<domain>` for each domain name of the distribution. */
  readonly origins: readonly string[];
  /** In the order in which CloudFront matches them. The last behavior matches every path. */
  readonly behaviours: readonly CacheBehavior[];
}

export interface CacheBehavior {
  /** `*` matches any characters and `?` matches one. */
  readonly pathPattern: string;
  readonly allowedMethods: readonly string[];
  readonly target: 'api' | 'files';
  /** Source code of the function that runs for each viewer request. */
  readonly functionCode: string | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /**
   * Names, in lower case, of the viewer's headers that the API receives, and of those that CloudFront adds; or all headers
   * of the viewer but `Host`.
   */
  readonly forwardedHeaders: readonly string[] | 'all';
  /** The headers that CloudFront adds to every request to the origin. They replace headers of the viewer. */
  readonly originHeaders: readonly (readonly [name: string, value: string])[];
  /** The objects of the origin, by path. */
  readonly files: ReadonlyMap<string, PublishedFile>;
}

export interface PublishedFile {
  readonly type: string;
  readonly content: Buffer;
}

/** The managed policy AllViewerExceptHostHeader (CloudFront developer guide, "Use managed origin request policies"). */
const allViewerHeadersPolicy = 'b689b0a8-53d0-40ab-baf2-68738e2966ac';

/** Resolved properties, and the values of references to the resources. */
interface DistributionResources {
  readonly distribution: z.infer<typeof distributionSchema> & { readonly domainName: string };
  readonly functions: readonly (z.infer<typeof edgeFunctionSchema> & { readonly arn: string })[];
  readonly policies: readonly (z.infer<typeof headersPolicySchema> & { readonly id: string })[];
  readonly originRequestPolicies: readonly (z.infer<typeof originRequestPolicySchema> & { readonly id: string })[];
  readonly published: readonly z.infer<typeof publishedObjectSchema>[];
}

type BehaviourProperties = DistributionResources['distribution']['DistributionConfig']['DefaultCacheBehavior'];

/** Throws a LocalError if the distribution refers to a resource that is not in the template. */
export function toDistributionSpec({
  distribution,
  functions,
  policies,
  originRequestPolicies,
  published,
}: DistributionResources): DistributionSpec {
  const { DefaultCacheBehavior, CacheBehaviors, Origins, Aliases } = distribution.DistributionConfig;
  // The custom resource's function is not invoked: the published objects are read directly from the template.
  const files = new Map(
    published
      .flatMap(({ Files }) => Files)
      .map(({ Key, Type, Content }) => {
        const file = { type: Type, content: inflateSync(Buffer.from(Content, 'base64')) };
        return [`/${Key}`, file] as const;
      }),
  );
  const behaviour = (pathPattern: string, properties: BehaviourProperties): CacheBehavior => {
    const origin = Origins.find(({ Id }) => Id === properties.TargetOriginId);
    const [association] = properties.FunctionAssociations;
    const edge = functions.find(({ arn }) => arn === association?.FunctionARN);
    const policy = policies.find(({ id }) => id === properties.ResponseHeadersPolicyId);
    const forwardsAll = properties.OriginRequestPolicyId === allViewerHeadersPolicy;
    const requestPolicy = originRequestPolicies.find(({ id }) => id === properties.OriginRequestPolicyId);
    if (
      origin === undefined ||
      (properties.OriginRequestPolicyId !== undefined && requestPolicy === undefined && !forwardsAll) ||
      (association !== undefined && edge === undefined) ||
      (properties.ResponseHeadersPolicyId !== undefined && policy === undefined)
    ) {
      throw new LocalError(
        `The behavior ${pathPattern} of the distribution refers to a resource that is not in this template. Nothing was started.`,
      );
    }
    return {
      pathPattern,
      allowedMethods: properties.AllowedMethods,
      target: origin.CustomOriginConfig === undefined ? 'files' : 'api',
      functionCode: edge?.FunctionCode,
      headers: policy === undefined ? [] : responseHeadersOf(policy),
      forwardedHeaders: forwardsAll
        ? 'all'
        : (requestPolicy?.OriginRequestPolicyConfig.HeadersConfig.Headers.map((name) => name.toLowerCase()) ?? []),
      originHeaders: origin.OriginCustomHeaders.map(({ HeaderName, HeaderValue }) => [
        HeaderName.toLowerCase(),
        HeaderValue,
      ]),
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

/**
 * Header names and values as CloudFront sends them. HSTS is omitted: browsers ignore it on plain HTTP (RFC 6797,
 * section 8.1).
 */
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
