/**
 * The CloudFront resource types that this emulator supports, with every accepted property (see resource-schemas.ts).
 * Properties for certificates, caches and edge connections have no meaning on one machine.
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
  OriginRequestPolicyId: z.string().optional(),
  Compress: ignoredProperty,
  ViewerProtocolPolicy: ignoredProperty,
};

/** An origin with `CustomOriginConfig` is the API; any other origin is a bucket. */
const originSchema = z.strictObject({
  Id: z.string(),
  DomainName: z.string(),
  S3OriginConfig: ignoredProperty,
  OriginAccessControlId: ignoredProperty,
  CustomOriginConfig: ignoredProperty,
  OriginCustomHeaders: z.array(z.strictObject({ HeaderName: z.string(), HeaderValue: z.string() })).default([]),
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

const overridesOrigin = { Override: z.literal(true, 'this emulator supports only headers that override the origin') };

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

export const originRequestPolicySchema = z.strictObject({
  OriginRequestPolicyConfig: z.strictObject({
    Name: ignoredProperty,
    Comment: ignoredProperty,
    HeadersConfig: z.strictObject({ HeaderBehavior: z.literal('whitelist'), Headers: z.array(z.string()) }),
    CookiesConfig: z.strictObject({ CookieBehavior: z.literal('all') }),
    QueryStringsConfig: z.strictObject({ QueryStringBehavior: z.literal('all') }),
  }),
});

/** A custom resource that publishes objects: keys, media types, and contents compressed (RFC 1950) and base64-encoded. */
export const publishedObjectSchema = z.strictObject({
  ServiceToken: z.string(),
  ServiceTimeout: ignoredProperty,
  Files: z.array(z.strictObject({ Key: z.string(), Type: z.string(), Content: z.base64() })),
});
