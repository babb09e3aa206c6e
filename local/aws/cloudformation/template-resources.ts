/** The resources of a template by kind, each checked by the schema of its type. */
import type { z } from 'zod';
import { LocalError } from '../shared/errors.ts';
import { firstIssue } from '../shared/json.ts';
import type { AssemblyResource, CloudAssembly } from './cloud-assembly.ts';
import {
  distributionSchema,
  edgeFunctionSchema,
  headersPolicySchema,
  originRequestPolicySchema,
  publishedObjectSchema,
} from './cloudfront-resource-schemas.ts';
import { functionAliasSchema, functionVersionSchema } from './function-version-schemas.ts';
import { resolveIntrinsics } from './intrinsics.ts';
import type { AssemblyReferences, CustomAttributes } from './references.ts';
import {
  aliasSchema,
  apiSchema,
  bucketPolicySchema,
  bucketSchema,
  functionSchema,
  integrationSchema,
  kmsKeySchema,
  rolePolicySchema,
  roleSchema,
  routeSchema,
  ruleSchema,
  stageSchema,
  tableSchema,
  typesWithoutEffect,
} from './resource-schemas.ts';
import {
  integrationResponseSchema,
  routeResponseSchema,
  socketApiSchema,
  socketDeploymentSchema,
  socketIntegrationSchema,
  socketRouteSchema,
  socketStageSchema,
} from './socket-resource-schemas.ts';
import { eventSourceSchema, queuePolicySchema, queueSchema } from './sqs-resource-schemas.ts';

const resourceTypes = {
  table: ['AWS::DynamoDB::Table', tableSchema],
  kmsKey: ['AWS::KMS::Key', kmsKeySchema],
  alias: ['AWS::KMS::Alias', aliasSchema],
  function: ['AWS::Lambda::Function', functionSchema],
  functionVersion: ['AWS::Lambda::Version', functionVersionSchema],
  functionAlias: ['AWS::Lambda::Alias', functionAliasSchema],
  role: ['AWS::IAM::Role', roleSchema],
  rolePolicy: ['AWS::IAM::Policy', rolePolicySchema],
  api: ['AWS::ApiGatewayV2::Api', apiSchema],
  stage: ['AWS::ApiGatewayV2::Stage', stageSchema],
  route: ['AWS::ApiGatewayV2::Route', routeSchema],
  integration: ['AWS::ApiGatewayV2::Integration', integrationSchema],
  socketApi: ['AWS::ApiGatewayV2::Api', socketApiSchema],
  socketStage: ['AWS::ApiGatewayV2::Stage', socketStageSchema],
  socketDeployment: ['AWS::ApiGatewayV2::Deployment', socketDeploymentSchema],
  socketRoute: ['AWS::ApiGatewayV2::Route', socketRouteSchema],
  routeResponse: ['AWS::ApiGatewayV2::RouteResponse', routeResponseSchema],
  socketIntegration: ['AWS::ApiGatewayV2::Integration', socketIntegrationSchema],
  integrationResponse: ['AWS::ApiGatewayV2::IntegrationResponse', integrationResponseSchema],
  rule: ['AWS::Events::Rule', ruleSchema],
  bucket: ['AWS::S3::Bucket', bucketSchema],
  bucketPolicy: ['AWS::S3::BucketPolicy', bucketPolicySchema],
  queue: ['AWS::SQS::Queue', queueSchema],
  queuePolicy: ['AWS::SQS::QueuePolicy', queuePolicySchema],
  eventSource: ['AWS::Lambda::EventSourceMapping', eventSourceSchema],
  distribution: ['AWS::CloudFront::Distribution', distributionSchema],
  edgeFunction: ['AWS::CloudFront::Function', edgeFunctionSchema],
  headersPolicy: ['AWS::CloudFront::ResponseHeadersPolicy', headersPolicySchema],
  originRequestPolicy: ['AWS::CloudFront::OriginRequestPolicy', originRequestPolicySchema],
  // The app chooses the type of this custom resource: see TemplateOptions.
  publishedObject: [undefined, publishedObjectSchema],
} as const;

/** Types that HTTP and WebSocket APIs share. The protocol of the API decides which of the two kinds a resource is. */
const httpKinds: ReadonlySet<ResourceKind> = new Set(['api', 'stage', 'route', 'integration']);
const socketKinds: ReadonlySet<ResourceKind> = new Set([
  'socketApi',
  'socketStage',
  'socketRoute',
  'socketIntegration',
]);

export type ResourceKind = keyof typeof resourceTypes;
const resourceKinds = Object.keys(resourceTypes) as ResourceKind[];

type Properties<K extends ResourceKind> = z.infer<(typeof resourceTypes)[K][1]>;
export type Resource<K extends ResourceKind> = Properties<K> & {
  /** The ID of the resource in `CloudAssembly.resources`. */
  readonly logicalId: string;
};

export interface TemplateOptions {
  /** Type of the custom resource that publishes an object to a bucket. If absent, the template must not have one. */
  readonly publishedObjectType?: `Custom::${string}`;
  /**
   * The attributes of other custom resources, by type. Their functions are not invoked, because functions start after
   * the template has been resolved.
   */
  readonly customAttributes?: CustomAttributes;
}

const typeOf = (kind: ResourceKind, { publishedObjectType }: TemplateOptions): string | undefined =>
  resourceTypes[kind][0] ?? publishedObjectType;

/**
 * Returns all resources of a kind with their properties as written in the template, except that intrinsics are
 * resolved. Throws a LocalError for a property that this emulator does not support.
 */
export function readResources<K extends ResourceKind>(
  { resources }: CloudAssembly,
  kind: K,
  references: AssemblyReferences,
  options: TemplateOptions,
): Resource<K>[] {
  const type = typeOf(kind, options);
  const isOfProtocol = protocolFilter(resources, kind, references);
  return [...resources].flatMap(([id, resource]) =>
    resource.Type === type && isOfProtocol(resource) ? [readResource(id, resource, kind, references)] : [],
  );
}

function protocolFilter(
  resources: CloudAssembly['resources'],
  kind: ResourceKind,
  references: AssemblyReferences,
): (resource: AssemblyResource) => boolean {
  if (!httpKinds.has(kind) && !socketKinds.has(kind)) return () => true;
  const isSocketApi = ({ Type, Properties }: AssemblyResource) =>
    Type === 'AWS::ApiGatewayV2::Api' && Properties.ProtocolType === 'WEBSOCKET';
  const socketApis = new Set(
    [...resources].flatMap(([id, resource]) => (isSocketApi(resource) ? [references.ref(id)] : [])),
  );
  return (resource) => {
    const { ApiId = null } = resource.Properties;
    const apiId = resolveIntrinsics(ApiId, references.ofStack(resource.stackName));
    const isSocket = isSocketApi(resource) || (typeof apiId === 'string' && socketApis.has(apiId));
    return isSocket === socketKinds.has(kind);
  };
}

/** One resource of a kind. @throws LocalError for a property that this emulator does not support */
export function readResource<K extends ResourceKind>(
  id: string,
  { Type: type, Properties, Condition, stackName }: AssemblyResource,
  kind: K,
  references: AssemblyReferences,
): Resource<K> {
  const schema: z.ZodType<unknown> = resourceTypes[kind][1];
  if (Condition !== undefined) {
    throw new LocalError(
      `${id} (${type}) has a Condition, which this emulator does not evaluate. Nothing was started. ` +
        `Remove the Condition from the template.`,
    );
  }
  // Tags have no effect here, and every type can have them.
  const { Tags: _, ...effective } = Properties ?? {};
  const parsed = schema.safeParse(resolveIntrinsics(effective, references.ofStack(stackName)));
  if (!parsed.success) {
    throw new LocalError(
      `This emulator does not support ${id} (${type}): ${firstIssue(parsed.error)}. Nothing was started. ` +
        `If the property has a meaning here, implement it; otherwise accept it in the schema of the type, in local/aws/cloudformation.`,
    );
  }
  // The table above pairs each kind with the schema that was just applied; the compiler cannot follow this.
  return { ...(parsed.data as Properties<K>), logicalId: id };
}

/** Throws a LocalError for the first resource whose type is neither emulated nor listed in `typesWithoutEffect`. */
export function assertKnownTypes({ resources }: CloudAssembly, options: TemplateOptions): void {
  const known = new Set(resourceKinds.map((kind) => typeOf(kind, options)));
  for (const [id, { Type }] of resources) {
    if (known.has(Type) || typesWithoutEffect.has(Type) || options.customAttributes?.[Type] !== undefined) continue;
    throw new LocalError(
      `The template has a ${Type} (${id}), which this emulator does not support. Nothing was started. ` +
        `Add the type to local/aws/cloudformation/template-resources.ts.`,
    );
  }
}
