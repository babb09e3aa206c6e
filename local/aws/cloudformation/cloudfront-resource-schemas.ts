/**
 * The types of CloudFront that the local vault runs, with every property it accepts (see resources.ts). What concerns
 * certificates, caches, and connections of the edge has no meaning on one machine.
 * Source: AWS CloudFormation template reference; CloudFront developer guide, "CloudFront Functions event structure".
 */
import { z } from 'zod';

const accepted = z.unknown().optional();

const behaviour = {
  TargetOriginId: z.string(),
  AllowedMethods: z.array(z.string()).default(['GET', 'HEAD']),
  FunctionAssociations: z
    .array(z.strictObject({ EventType: z.literal('viewer-request'), FunctionARN: z.string() }))
    .max(1)
    .default([]),
  ResponseHeadersPolicyId: z.string().optional(),
  CachePolicyId: accepted,
  OriginRequestPolicyId: accepted,
  Compress: accepted,
  ViewerProtocolPolicy: accepted,
};

/** The page's bucket is told from the API by which settings an origin has. */
const originSchema = z.strictObject({
  Id: z.string(),
  DomainName: z.string(),
  S3OriginConfig: accepted,
  OriginAccessControlId: accepted,
  CustomOriginConfig: accepted,
});

export const distributionSchema = z.strictObject({
  DistributionConfig: z.strictObject({
    Enabled: z.literal(true),
    DefaultCacheBehavior: z.strictObject(behaviour),
    CacheBehaviors: z.array(z.strictObject({ PathPattern: z.string(), ...behaviour })).default([]),
    Origins: z.array(originSchema),
    Aliases: z.array(z.string()).default([]),
    Comment: accepted,
    HttpVersion: accepted,
    IPV6Enabled: accepted,
    ViewerCertificate: accepted,
  }),
});

export const edgeFunctionSchema = z.strictObject({
  FunctionCode: z.string(),
  FunctionConfig: z.strictObject({ Runtime: z.literal('cloudfront-js-2.0'), Comment: accepted }),
  AutoPublish: z.literal(true),
  Name: accepted,
});

const override = { Override: z.literal(true, 'the local vault knows headers that override the origin only') };

export const headersPolicySchema = z.strictObject({
  ResponseHeadersPolicyConfig: z.strictObject({
    Name: z.string(),
    Comment: accepted,
    SecurityHeadersConfig: z.strictObject({
      ContentSecurityPolicy: z.strictObject({ ContentSecurityPolicy: z.string(), ...override }),
      ContentTypeOptions: z.strictObject(override),
      FrameOptions: z.strictObject({ FrameOption: z.string(), ...override }),
      ReferrerPolicy: z.strictObject({ ReferrerPolicy: z.string(), ...override }),
      StrictTransportSecurity: z.strictObject({ AccessControlMaxAgeSec: z.number(), ...override }),
    }),
    CustomHeadersConfig: z.strictObject({
      Items: z.array(z.strictObject({ Header: z.string(), Value: z.string(), ...override })),
    }),
  }),
});

/** What lib/link-page/link-page.ts hands to the publisher: the key of an object, and its content compressed (RFC 1950), in base64. */
export const publishedPageSchema = z.strictObject({
  ServiceToken: z.string(),
  ServiceTimeout: accepted,
  Key: z.string(),
  Content: z.base64(),
});
