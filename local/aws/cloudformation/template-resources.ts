/** The resources of a template by kind, each checked by the schema of its type. */
import type { z } from 'zod';
import { LocalError } from '../shared/errors.ts';
import { firstIssue } from '../shared/json.ts';
import type { Template } from './cloud-assembly.ts';
import {
  distributionSchema,
  edgeFunctionSchema,
  headersPolicySchema,
  publishedObjectSchema,
} from './cloudfront-resource-schemas.ts';
import { type References, resolveIntrinsics } from './intrinsics.ts';
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
  scheduleSchema,
  stageSchema,
  tableSchema,
  typesWithoutEffect,
} from './resource-schemas.ts';
import { eventSourceSchema, queuePolicySchema, queueSchema } from './sqs-resource-schemas.ts';

const resourceTypes = {
  table: ['AWS::DynamoDB::Table', tableSchema],
  kmsKey: ['AWS::KMS::Key', kmsKeySchema],
  alias: ['AWS::KMS::Alias', aliasSchema],
  function: ['AWS::Lambda::Function', functionSchema],
  role: ['AWS::IAM::Role', roleSchema],
  rolePolicy: ['AWS::IAM::Policy', rolePolicySchema],
  api: ['AWS::ApiGatewayV2::Api', apiSchema],
  stage: ['AWS::ApiGatewayV2::Stage', stageSchema],
  route: ['AWS::ApiGatewayV2::Route', routeSchema],
  integration: ['AWS::ApiGatewayV2::Integration', integrationSchema],
  schedule: ['AWS::Events::Rule', scheduleSchema],
  bucket: ['AWS::S3::Bucket', bucketSchema],
  bucketPolicy: ['AWS::S3::BucketPolicy', bucketPolicySchema],
  queue: ['AWS::SQS::Queue', queueSchema],
  queuePolicy: ['AWS::SQS::QueuePolicy', queuePolicySchema],
  eventSource: ['AWS::Lambda::EventSourceMapping', eventSourceSchema],
  distribution: ['AWS::CloudFront::Distribution', distributionSchema],
  edgeFunction: ['AWS::CloudFront::Function', edgeFunctionSchema],
  headersPolicy: ['AWS::CloudFront::ResponseHeadersPolicy', headersPolicySchema],
  publishedPage: ['Custom::VaultPage', publishedObjectSchema],
} as const;

export type ResourceKind = keyof typeof resourceTypes;
type Properties<K extends ResourceKind> = z.infer<(typeof resourceTypes)[K][1]>;
export type Resource<K extends ResourceKind> = Properties<K> & { readonly logicalId: string };

/** All resources of a kind, as they stand in the template but for intrinsics. Throws a LocalError for what is not known here. */
export function readResources<K extends ResourceKind>(
  template: Template,
  kind: K,
  references: References,
): Resource<K>[] {
  const [type, schema]: readonly [string, z.ZodType<unknown>] = resourceTypes[kind];
  return Object.entries(template.Resources).flatMap(([logicalId, resource]) => {
    if (resource.Type !== type) return [];
    if (resource.Condition !== undefined) {
      throw new LocalError(`${logicalId} (${type}) has a Condition, which the local vault does not evaluate.`);
    }
    const parsed = schema.safeParse(resolveIntrinsics(resource.Properties, references));
    if (!parsed.success) {
      throw new LocalError(
        `${logicalId} (${type}) is not what the local vault can run: ${firstIssue(parsed.error)}. Nothing was started. ` +
          `If the property means something here, teach it to its schema in local/; if not, accept it there.`,
      );
    }
    // The table above pairs each kind with the schema that was just applied; the compiler can't follow the pair.
    return [{ ...(parsed.data as Properties<K>), logicalId }];
  });
}

/** Throws a LocalError for the first resource of a type that is neither run here nor known to mean nothing. */
export function assertKnownTypes({ Resources }: Template): void {
  const known = new Set<string>(Object.values(resourceTypes).map(([type]) => type));
  for (const [logicalId, { Type }] of Object.entries(Resources)) {
    if (known.has(Type) || typesWithoutEffect.has(Type)) continue;
    throw new LocalError(
      `The template has a ${Type} (${logicalId}), which the local vault does not run. Nothing was started. ` +
        `Teach it to local/aws/cloudformation/template-resources.ts.`,
    );
  }
}
