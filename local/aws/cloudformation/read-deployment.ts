/** Converts a synthesized template to the specs that the engines take, with every name, ARN and setting resolved. */

import { arn, bucketArn } from '../shared/aws-account.ts';
import type { KeySpec } from '../shared/kms-key-specs.ts';
import type { CloudAssembly } from './cloud-assembly.ts';
import {
  requireSingle,
  toBucketSpecs,
  toDistribution,
  toEventSourceSpec,
  toQueueSpecs,
  toRoleSpecs,
  toRouteSpec,
  toScheduleSpec,
} from './deployment-builders.ts';
import type { Deployment, RoleSpec } from './deployment-spec.ts';
import { kmsKeySchema } from './resource-schemas.ts';
import { toSocketApiSpec } from './socket-api-builder.ts';
import { firstVersions, readTemplateFunctions, type VersionPublisher } from './template-functions.ts';
import { assertKnownTypes, type ResourceKind, readResources, type TemplateOptions } from './template-resources.ts';

export type { RoleSpec } from './deployment-spec.ts';

/** The IAM policies of the template. */
export interface Policies {
  readonly roles: readonly RoleSpec[];
  /** Policy statements of tables, keys, buckets and queues, by ARN. Empty for a resource without a policy. */
  readonly resources: ReadonlyMap<string, readonly unknown[]>;
}

/**
 * The policies of a deployment. Code that enforces them must set `aws:SecureTransport` to true for every call. The
 * emulator uses plain HTTP on one machine, so a bucket policy that denies requests without TLS would otherwise deny
 * every request.
 */
export const policiesOf = ({ roles, tables, kmsKeys, buckets, queues }: Deployment): Policies => ({
  roles,
  resources: new Map([
    ...tables.map(
      ({ tableName, ResourcePolicy }) =>
        [arn('dynamodb', `table/${tableName}`), ResourcePolicy?.PolicyDocument.Statement ?? []] as const,
    ),
    ...kmsKeys.map(({ keyId, KeyPolicy }) => [arn('kms', `key/${keyId}`), KeyPolicy.Statement] as const),
    ...buckets.map(({ bucketName, statements }) => [bucketArn(bucketName), statements] as const),
    ...queues.map(({ queueArn, statements }) => [queueArn, statements] as const),
  ]),
});

/** IDs of the KMS keys. Each key needs a key ID before references to it can be resolved. */
export const kmsKeyLogicalIds = (assembly: CloudAssembly): string[] => [...kmsKeySpecs(assembly).keys()];

/** Key specs of the KMS keys, by resource ID. */
export const kmsKeySpecs = ({ resources }: CloudAssembly): ReadonlyMap<string, KeySpec> =>
  new Map(
    [...resources].flatMap(([id, { Type, Properties }]) =>
      Type === 'AWS::KMS::Key' ? [[id, kmsKeySchema.shape.KeySpec.parse(Properties.KeySpec)] as const] : [],
    ),
  );

export interface DeploymentOptions extends TemplateOptions {
  /** Publishes the function versions of the template. By default, each function's first version. */
  readonly versions?: VersionPublisher;
}

/**
 * Resolves the templates of all stacks. `keyIds` has the key ID of each KMS key by resource ID. Throws a LocalError that
 * names the first type, property, intrinsic or reference that this emulator does not support.
 */
export function readDeployment(
  assembly: CloudAssembly,
  keyIds: ReadonlyMap<string, string>,
  options: DeploymentOptions = {},
): Deployment {
  assertKnownTypes(assembly, options);
  const { versions = firstVersions(), customAttributes } = options;
  const template = readTemplateFunctions(assembly, keyIds, versions, customAttributes);
  const { references, functions, functionAliases, findFunction } = template;
  const all = <K extends ResourceKind>(kind: K) => readResources(assembly, kind, references, options);

  const api = requireSingle(all('api'), 'AWS::ApiGatewayV2::Api');
  const stage = requireSingle(all('stage'), 'AWS::ApiGatewayV2::Stage');
  const queues = toQueueSpecs(all('queue'), all('queuePolicy'), references);
  const integrations = new Map(all('integration').map((resource) => [resource.logicalId, resource]));
  return {
    tables: all('table').map((table) => ({ ...table, tableName: references.ref(table.logicalId) ?? '' })),
    buckets: toBucketSpecs(all('bucket'), all('bucketPolicy'), references),
    queues,
    eventSources: all('eventSource').flatMap((mapping) => toEventSourceSpec(mapping, queues, findFunction) ?? []),
    kmsKeys: all('kmsKey').map((key) => ({ ...key, keyId: references.ref(key.logicalId) ?? '' })),
    aliases: all('alias'),
    functions,
    functionVersions: template.functionVersions,
    functionAliases,
    roles: toRoleSpecs(all('role'), all('rolePolicy'), references),
    api,
    apiEndpoint: references.attribute(api.logicalId, 'ApiEndpoint'),
    accessLogFormat: stage.AccessLogSettings?.Format,
    routes: all('route').map((route) => toRouteSpec(route, integrations, findFunction)),
    sockets: toSocketApiSpec(all, references, findFunction),
    schedules: all('rule').flatMap((rule) => toScheduleSpec(rule, findFunction) ?? []),
    distribution: toDistribution(all, references),
  };
}
