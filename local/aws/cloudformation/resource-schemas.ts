/**
 * The resource types that this emulator supports, with every accepted property. An unlisted property is an error that
 * names it. A property with `ignoredProperty` is accepted without effect: it has no meaning on one machine, or only
 * CloudFormation uses it.
 * Source: AWS CloudFormation template reference, resource and property types.
 */
import { z } from 'zod';
import { jsonObjectSchema } from '../shared/json.ts';
import { keySpecs, keyUsages } from '../shared/kms-key-specs.ts';

const ignoredProperty = z.unknown().optional();

/** Statements are not validated here; the code that enforces a policy parses them. */
const policySchema = z.object({ Statement: z.array(z.unknown()) });

const keySchema = z.array(z.strictObject({ AttributeName: z.string(), KeyType: z.enum(['HASH', 'RANGE']) }));
const indexProperties = { IndexName: z.string(), KeySchema: keySchema, Projection: jsonObjectSchema };

export const tableSchema = z.strictObject({
  AttributeDefinitions: z.array(z.strictObject({ AttributeName: z.string(), AttributeType: z.enum(['S', 'N', 'B']) })),
  KeySchema: keySchema,
  GlobalSecondaryIndexes: z.array(z.object(indexProperties)).optional(),
  LocalSecondaryIndexes: z.array(z.object(indexProperties)).optional(),
  DeletionProtectionEnabled: z.boolean().default(false),
  BillingMode: ignoredProperty,
  ProvisionedThroughput: ignoredProperty,
  OnDemandThroughput: ignoredProperty,
  PointInTimeRecoverySpecification: z.object({ PointInTimeRecoveryEnabled: z.boolean() }).optional(),
  ContributorInsightsSpecification: ignoredProperty,
  ResourcePolicy: z.strictObject({ PolicyDocument: policySchema }).optional(),
  SSESpecification: ignoredProperty,
  TimeToLiveSpecification: ignoredProperty,
  TableClass: ignoredProperty,
  TableName: ignoredProperty,
});

export const kmsKeySchema = z
  .strictObject({
    KeyPolicy: policySchema,
    Description: z.string().default(''),
    Enabled: z.literal(true).default(true),
    EnableKeyRotation: z.boolean().default(false),
    RotationPeriodInDays: z.number().int().default(365),
    KeySpec: z.enum(keySpecs).default('SYMMETRIC_DEFAULT'),
    KeyUsage: z.enum(Object.values(keyUsages)).default('ENCRYPT_DECRYPT'),
    PendingWindowInDays: ignoredProperty,
    MultiRegion: z.literal(false).optional(),
  })
  .refine(
    ({ KeySpec, KeyUsage }) => keyUsages[KeySpec] === KeyUsage,
    'KMS does not support this key usage for this key spec',
  )
  .refine(
    ({ KeySpec, EnableKeyRotation }) => KeySpec === 'SYMMETRIC_DEFAULT' || !EnableKeyRotation,
    'KMS rotates only symmetric encryption keys automatically',
  );

export const aliasSchema = z.strictObject({ AliasName: z.string(), TargetKeyId: z.string() });

export const roleSchema = z.strictObject({
  AssumeRolePolicyDocument: policySchema,
  Description: ignoredProperty,
  // AWS managed policies are ignored: they concern services that are not emulated.
  ManagedPolicyArns: ignoredProperty,
  MaxSessionDuration: ignoredProperty,
  RoleName: ignoredProperty,
  Policies: z.array(z.object({ PolicyDocument: policySchema })).default([]),
});

export const rolePolicySchema = z.strictObject({
  PolicyDocument: policySchema,
  PolicyName: z.string(),
  Roles: z.array(z.string()),
});

export const functionSchema = z.strictObject({
  Code: z.strictObject({ S3Bucket: z.string(), S3Key: z.string() }),
  Handler: z.string().regex(/^[\w/-]+\.\w+$/),
  Runtime: z.string().regex(/^nodejs/, 'this emulator supports only Node.js functions'),
  Role: z.string(),
  Timeout: z.number().int().default(3),
  MemorySize: z.number().int().default(128),
  Environment: z.strictObject({ Variables: z.record(z.string(), z.string()) }).default({ Variables: {} }),
  Architectures: ignoredProperty,
  Description: ignoredProperty,
  FunctionName: ignoredProperty,
  LoggingConfig: z.object({ LogFormat: z.string().optional(), ApplicationLogLevel: z.string().optional() }).default({}),
  // Failed asynchronous invocations are only in the log.
  DeadLetterConfig: ignoredProperty,
  DurableConfig: z
    .strictObject({ ExecutionTimeout: z.number().int(), RetentionPeriodInDays: z.number().int().default(14) })
    .optional(),
  TracingConfig: ignoredProperty,
  ReservedConcurrentExecutions: ignoredProperty,
  RecursiveLoop: ignoredProperty,
  RuntimeManagementConfig: ignoredProperty,
});

export const apiSchema = z.strictObject({
  ProtocolType: z.literal('HTTP'),
  CorsConfiguration: z
    .strictObject({
      AllowOrigins: z.array(z.string()).default([]),
      AllowMethods: z.array(z.string()).default([]),
      AllowHeaders: z.array(z.string()).default([]),
      ExposeHeaders: z.array(z.string()).default([]),
      AllowCredentials: z.boolean().default(false),
      MaxAge: z.number().int().optional(),
    })
    .optional(),
  Name: ignoredProperty,
  Description: ignoredProperty,
  DisableExecuteApiEndpoint: ignoredProperty,
});

/**
 * Throttling settings of the stage are accepted but not enforced: production limits would only slow down one machine.
 */
export const stageSchema = z.strictObject({
  ApiId: z.string(),
  StageName: z.literal('$default', 'this emulator supports only the stage $default'),
  AccessLogSettings: z.strictObject({ DestinationArn: z.string(), Format: z.string() }).optional(),
  AutoDeploy: ignoredProperty,
  DefaultRouteSettings: ignoredProperty,
  Description: ignoredProperty,
  RouteSettings: ignoredProperty,
});

export const routeSchema = z.strictObject({
  ApiId: z.string(),
  RouteKey: z.string(),
  Target: z.string().regex(/^integrations\/./),
  AuthorizationType: z.enum(['NONE', 'AWS_IAM']).default('NONE'),
  OperationName: ignoredProperty,
});

export const integrationSchema = z.strictObject({
  ApiId: z.string(),
  IntegrationType: z.literal('AWS_PROXY'),
  IntegrationUri: z.string(),
  PayloadFormatVersion: z.literal('2.0'),
  TimeoutInMillis: z.number().int().min(50).max(30_000).default(30_000),
  IntegrationMethod: ignoredProperty,
  ConnectionType: ignoredProperty,
  Description: ignoredProperty,
});

/**
 * A rule has a schedule, a pattern of events, or both. Patterns match nothing here: the emulated services send no
 * events.
 */
export const ruleSchema = z.strictObject({
  ScheduleExpression: z
    .string()
    .regex(/^rate\([1-9]\d{0,3} minutes?\)$/, 'this emulator supports only rates in minutes')
    .optional(),
  EventPattern: ignoredProperty,
  State: z.enum(['ENABLED', 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS']).default('ENABLED'),
  // An emulated invocation is always delivered.
  Targets: z.array(z.strictObject({ Arn: z.string(), Id: ignoredProperty, DeadLetterConfig: ignoredProperty })),
  Description: ignoredProperty,
});

const corsRuleSchema = z.strictObject({
  AllowedOrigins: z.array(z.string()),
  AllowedMethods: z.array(z.enum(['GET', 'PUT', 'HEAD', 'POST', 'DELETE'])),
  AllowedHeaders: z.array(z.string()).optional(),
  ExposedHeaders: z.array(z.string()).optional(),
  MaxAge: z.number().int().optional(),
  Id: ignoredProperty,
});
export type CorsRule = z.infer<typeof corsRuleSchema>;

const lifecycleRuleSchema = z
  .strictObject({
    Status: z.enum(['Enabled', 'Disabled']),
    Prefix: z.string().optional(),
    TagFilters: z.array(z.strictObject({ Key: z.string(), Value: z.string() })).default([]),
    ObjectSizeGreaterThan: z.coerce.number().optional(),
    ObjectSizeLessThan: z.coerce.number().optional(),
    ExpirationInDays: z.number().int().min(1).optional(),
    ExpiredObjectDeleteMarker: z.boolean().optional(),
    NoncurrentVersionExpiration: z.strictObject({ NoncurrentDays: z.number().int().min(1) }).optional(),
    AbortIncompleteMultipartUpload: z.strictObject({ DaysAfterInitiation: z.number().int().min(1) }).optional(),
    Id: ignoredProperty,
  })
  .refine(
    ({ AbortIncompleteMultipartUpload: abort, TagFilters, ObjectSizeGreaterThan, ObjectSizeLessThan }) =>
      abort === undefined ||
      (TagFilters.length === 0 && ObjectSizeGreaterThan === undefined && ObjectSizeLessThan === undefined),
    'S3 rejects AbortIncompleteMultipartUpload in a rule that filters by tags or size',
  );
export type LifecycleRule = z.infer<typeof lifecycleRuleSchema>;

const defaultRetentionSchema = z
  .strictObject({
    Mode: z.enum(['GOVERNANCE', 'COMPLIANCE']),
    Days: z.number().int().min(1).max(36_500).optional(),
    Years: z.number().int().min(1).max(100).optional(),
  })
  .refine(
    ({ Days, Years }) => (Days === undefined) !== (Years === undefined),
    'S3 requires either Days or Years of a default retention',
  );

const bucketProperties = z.strictObject({
  CorsConfiguration: z.strictObject({ CorsRules: z.array(corsRuleSchema) }).optional(),
  LifecycleConfiguration: z.strictObject({ Rules: z.array(lifecycleRuleSchema) }).optional(),
  BucketEncryption: z
    .strictObject({
      ServerSideEncryptionConfiguration: z.array(
        z.object({ ServerSideEncryptionByDefault: z.strictObject({ SSEAlgorithm: z.literal('AES256') }) }),
      ),
    })
    .optional(),
  OwnershipControls: z
    .strictObject({ Rules: z.array(z.strictObject({ ObjectOwnership: z.literal('BucketOwnerEnforced') })) })
    .optional(),
  VersioningConfiguration: z.strictObject({ Status: z.literal('Enabled') }).optional(),
  ObjectLockEnabled: z.boolean().default(false),
  ObjectLockConfiguration: z
    .strictObject({
      ObjectLockEnabled: z.literal('Enabled'),
      Rule: z.strictObject({ DefaultRetention: defaultRetentionSchema }).optional(),
    })
    .optional(),
  PublicAccessBlockConfiguration: ignoredProperty,
  BucketName: ignoredProperty,
});

/** Public access and ACLs are never emulated, whatever the template configures. */
export const bucketSchema = bucketProperties.refine(
  ({ ObjectLockEnabled, ObjectLockConfiguration, VersioningConfiguration }) =>
    ObjectLockConfiguration === undefined || ObjectLockEnabled || VersioningConfiguration !== undefined,
  'S3 rejects ObjectLockConfiguration for a bucket without versioning',
);

/** Object Lock is enabled for the bucket. A new version without a retention of its own gets the default one. */
export interface ObjectLockRules {
  readonly defaultRetention: z.infer<typeof defaultRetentionSchema> | undefined;
}

/** The bucket settings that the S3 engine takes. */
export interface BucketRules {
  readonly bucketName: string;
  readonly corsRules: readonly CorsRule[];
  readonly lifecycleRules: readonly LifecycleRule[];
  readonly versioned: boolean;
  /** Undefined if Object Lock is not enabled. */
  readonly objectLock: ObjectLockRules | undefined;
}

/** The settings in the properties of a bucket. Object Lock implies versioning, as in S3. */
export function bucketRules(bucketName: string, properties: z.infer<typeof bucketSchema>): BucketRules {
  const { CorsConfiguration, LifecycleConfiguration, ObjectLockConfiguration } = properties;
  const locks = properties.ObjectLockEnabled || ObjectLockConfiguration !== undefined;
  return {
    bucketName,
    corsRules: CorsConfiguration?.CorsRules ?? [],
    lifecycleRules: LifecycleConfiguration?.Rules ?? [],
    versioned: locks || properties.VersioningConfiguration !== undefined,
    objectLock: locks ? { defaultRetention: ObjectLockConfiguration?.Rule?.DefaultRetention } : undefined,
  };
}

export const bucketPolicySchema = z.strictObject({ Bucket: z.string(), PolicyDocument: policySchema });

/** Resource types that are accepted without effect, each with the reason. */
export const typesWithoutEffect: ReadonlySet<string> = new Set([
  'AWS::Lambda::Permission', // only the emulator invokes functions, from the sources in the template
  'AWS::CodeDeploy::Application', // deployments are instantaneous: an alias routes to its versions as the template says
  'AWS::CodeDeploy::DeploymentGroup',
  'AWS::CloudWatch::Alarm', // there are no metrics
  'AWS::CloudFront::OriginAccessControl', // published objects are served from the template, not from a bucket
  'AWS::Logs::LogGroup', // logs are files in the data folder
  'AWS::Logs::MetricFilter', // there are no metrics
  'AWS::Logs::ResourcePolicy', // log groups receive only the lines of functions and the access log
  'AWS::CloudWatch::Alarm', // as for metric filters
  'AWS::CloudWatch::Dashboard',
  'AWS::CDK::Metadata', // usage statistics of the CDK
]);
