/**
 * The types of CloudFront that the local vault runs, with every property it accepts (see resources.ts). What concerns
 * certificates, caches, and connections of the edge has no meaning on one machine.
 * Source: AWS CloudFormation template reference; CloudFront developer guide, "CloudFront Functions event structure".
 */
import { z } from 'zod';

const ignoredProperty = z.unknown().optional();

const cacheBehaviorProperties = {
  TargetOriginId: z.string(),
  AllowedMethods: z.array(z.string()).default(['GET', 'HEAD']),
  FunctionAssociations: z
    .array(z.strictObject({ EventType: z.literal('viewer-request'), FunctionARN: z.string() }))
    .max(1)
    .default([]),
  ResponseHeadersPolicyId: z.string().optional(),
  CachePolicyId: ignoredProperty,
  OriginRequestPolicyId: ignoredProperty,
  Compress: ignoredProperty,
  ViewerProtocolPolicy: ignoredProperty,
};

/** The page's bucket is told from the API by which settings an origin has. */
const originSchema = z.strictObject({
  Id: z.string(),
  DomainName: z.string(),
  S3OriginConfig: ignoredProperty,
  OriginAccessControlId: ignoredProperty,
  CustomOriginConfig: ignoredProperty,
});

export const distributionSchema = z.strictObject({
  DistributionConfig: z.strictObject({
    Enabled: z.literal(true),
    DefaultCacheBehavior: z.strictObject(cacheBehaviorProperties),
    CacheBehaviors: z.array(z.strictObject({ PathPattern: z.string(), ...cacheBehaviorProperties })).default([]),
    Origins: z.array(originSchema),
    Aliases: z.array(z.string()).default([]),
    Comment: ignoredProperty,
    HttpVersion: ignoredProperty,
    IPV6Enabled: ignoredProperty,
    ViewerCertificate: ignoredProperty,
  }),
});

export const edgeFunctionSchema = z.strictObject({
  FunctionCode: z.string(),
  FunctionConfig: z.strictObject({ Runtime: z.literal('cloudfront-js-2.0'), Comment: ignoredProperty }),
  AutoPublish: z.literal(true),
  Name: ignoredProperty,
});

const overridesOrigin = { Override: z.literal(true, 'the local vault knows headers that override the origin only') };

export const headersPolicySchema = z.strictObject({
  ResponseHeadersPolicyConfig: z.strictObject({
    Name: z.string(),
    Comment: ignoredProperty,
    SecurityHeadersConfig: z.strictObject({
      ContentSecurityPolicy: z.strictObject({ ContentSecurityPolicy: z.string(), ...overridesOrigin }),
      ContentTypeOptions: z.strictObject(overridesOrigin),
      FrameOptions: z.strictObject({ FrameOption: z.string(), ...overridesOrigin }),
      ReferrerPolicy: z.strictObject({ ReferrerPolicy: z.string(), ...overridesOrigin }),
      StrictTransportSecurity: z.strictObject({ AccessControlMaxAgeSec: z.number(), ...overridesOrigin }),
    }),
    CustomHeadersConfig: z.strictObject({
      Items: z.array(z.strictObject({ Header: z.string(), Value: z.string(), ...overridesOrigin })),
    }),
  }),
});

/** What lib/link-page/link-page.ts hands to the publisher: the key of an object, and its content compressed (RFC 1950), in base64. */
export const publishedObjectSchema = z.strictObject({
  ServiceToken: z.string(),
  ServiceTimeout: ignoredProperty,
  Key: z.string(),
  Content: z.base64(),
});
