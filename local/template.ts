/** From a synthesized template to what the local engines need: every name, ARN and setting resolved. */
import { basename } from 'node:path';
import type { z } from 'zod';
import { account, arn, bucketArn, iamArn, regionalDomain } from './account.ts';
import type { Assembly, Template } from './assembly.ts';
import { LocalError } from './errors.ts';
import { type References, resolve } from './intrinsics.ts';
import { firstIssue } from './json.ts';
import type { KeySpec } from './kms-store.ts';
import { distributionSchema, edgeFunctionSchema, headersPolicySchema, publishedPageSchema } from './page-resources.ts';
import { type PageSpec, pageSpec } from './page-spec.ts';
import {
  aliasSchema,
  apiSchema,
  type BucketRules,
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
} from './resources.ts';

const schemas = {
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
  distribution: ['AWS::CloudFront::Distribution', distributionSchema],
  edgeFunction: ['AWS::CloudFront::Function', edgeFunctionSchema],
  headersPolicy: ['AWS::CloudFront::ResponseHeadersPolicy', headersPolicySchema],
  publishedPage: ['Custom::VaultPage', publishedPageSchema],
} as const;

type Kind = keyof typeof schemas;
type Properties<K extends Kind> = z.infer<(typeof schemas)[K][1]>;
export type Resource<K extends Kind> = Properties<K> & { readonly logicalId: string };

export interface TableSpec extends Resource<'table'> {
  readonly tableName: string;
}

export interface BucketSpec extends BucketRules {
  readonly logicalId: string;
  /** Statements of its policy. */
  readonly statements: readonly unknown[];
}

export interface FunctionSpec extends Resource<'function'> {
  readonly functionName: string;
  readonly functionArn: string;
  /** Absolute folder of the built bundle. */
  readonly codeFolder: string;
}

export interface KmsKeySpec extends Resource<'kmsKey'> {
  readonly keyId: string;
}

export interface RoleSpec {
  readonly logicalId: string;
  readonly roleArn: string;
  /** Statements of the trust policy. */
  readonly trust: readonly unknown[];
  /** Statements of all policies of the role. */
  readonly statements: readonly unknown[];
}

export interface RouteSpec {
  /** As API Gateway writes it: `GET /v1/org`, `ANY /x/{y+}` or `$default`. */
  readonly routeKey: string;
  readonly requiresIam: boolean;
  readonly function: FunctionSpec;
  /** Milliseconds that the gateway waits for the function. */
  readonly integrationTimeout: number;
}

export interface ScheduleSpec {
  readonly logicalId: string;
  /** Milliseconds between two invocations. */
  readonly everyMs: number;
  readonly targets: readonly FunctionSpec[];
}

export interface Deployment {
  readonly tables: readonly TableSpec[];
  readonly buckets: readonly BucketSpec[];
  readonly kmsKeys: readonly KmsKeySpec[];
  readonly aliases: readonly Resource<'alias'>[];
  readonly functions: readonly FunctionSpec[];
  readonly roles: readonly RoleSpec[];
  readonly api: Resource<'api'>;
  readonly accessLogFormat: string | undefined;
  readonly routes: readonly RouteSpec[];
  readonly schedules: readonly ScheduleSpec[];
  /** Absent where the template has no distribution. */
  readonly page: PageSpec | undefined;
}

/** Who may do what, as the template says it. */
export interface Policies {
  readonly roles: readonly RoleSpec[];
  /** Policies of tables, keys and buckets: statements by ARN; tables and buckets without a policy have none. */
  readonly resources: ReadonlyMap<string, readonly unknown[]>;
}

/**
 * The policies of a deployment. Who enforces them must take every call as one by TLS (`aws:SecureTransport` true): here
 * all is plain HTTP within one machine, where a bucket that denies what comes without TLS would deny everything.
 */
export const policiesOf = ({ roles, tables, kmsKeys, buckets }: Deployment): Policies => ({
  roles,
  resources: new Map([
    ...tables.map(
      ({ tableName, ResourcePolicy }) =>
        [arn('dynamodb', `table/${tableName}`), ResourcePolicy?.PolicyDocument.Statement ?? []] as const,
    ),
    ...kmsKeys.map(({ keyId, KeyPolicy }) => [arn('kms', `key/${keyId}`), KeyPolicy.Statement] as const),
    ...buckets.map(({ bucketName, statements }) => [bucketArn(bucketName), statements] as const),
  ]),
});

/** Logical ids of the KMS keys: they must have key ids before anything that refers to them can be resolved. */
export const kmsKeyLogicalIds = (assembly: Assembly): string[] => [...kmsKeySpecs(assembly).keys()];

/** Kinds of the KMS keys, by logical id. */
export const kmsKeySpecs = ({ template }: Assembly): ReadonlyMap<string, KeySpec> =>
  new Map(
    Object.entries(template.Resources).flatMap(([id, { Type, Properties }]) =>
      Type === 'AWS::KMS::Key' ? [[id, kmsKeySchema.shape.KeySpec.parse(Properties.KeySpec)] as const] : [],
    ),
  );

/**
 * Resolves the template. `keyIds` gives the key id of each KMS key by logical id.
 * Throws a LocalError that names the first type, property, intrinsic or reference which is not known here.
 */
export function readDeployment(assembly: Assembly, keyIds: ReadonlyMap<string, string>): Deployment {
  refuseUnknownTypes(assembly.template);
  const references = referencesOf(assembly, keyIds);
  const all = <K extends Kind>(kind: K) => resourcesOf(assembly.template, kind, references);

  const functions = all('function').map((resource) => ({
    ...resource,
    functionName: references.ref(resource.logicalId) ?? '',
    functionArn: references.attribute(resource.logicalId, 'Arn'),
    codeFolder: codeFolder(assembly, resource),
  }));
  const api = only(all('api'), 'AWS::ApiGatewayV2::Api');
  const stage = only(all('stage'), 'AWS::ApiGatewayV2::Stage');
  const integrations = new Map(all('integration').map((resource) => [resource.logicalId, resource]));
  return {
    tables: all('table').map((table) => ({ ...table, tableName: references.ref(table.logicalId) ?? '' })),
    buckets: bucketsOf(all('bucket'), all('bucketPolicy'), references),
    kmsKeys: all('kmsKey').map((key) => ({ ...key, keyId: references.ref(key.logicalId) ?? '' })),
    aliases: all('alias'),
    functions,
    roles: rolesOf(all('role'), all('rolePolicy'), references),
    api,
    accessLogFormat: stage.AccessLogSettings?.Format,
    routes: all('route').map((route) => routeSpec(route, integrations, functions)),
    schedules: all('schedule').map((rule) => scheduleSpec(rule, functions)),
    page: pageOf(all, references),
  };
}

function resourcesOf<K extends Kind>(template: Template, kind: K, references: References): Resource<K>[] {
  const [type, schema]: readonly [string, z.ZodType<unknown>] = schemas[kind];
  return Object.entries(template.Resources).flatMap(([logicalId, resource]) => {
    if (resource.Type !== type) return [];
    if (resource.Condition !== undefined) {
      throw new LocalError(`${logicalId} (${type}) has a Condition, which the local vault does not evaluate.`);
    }
    const parsed = schema.safeParse(resolve(resource.Properties, references));
    if (!parsed.success) {
      throw new LocalError(
        `${logicalId} (${type}) is not what the local vault can run: ${firstIssue(parsed.error)}. Nothing was started. ` +
          `If the property means something here, teach it to local/resources.ts; if not, accept it there.`,
      );
    }
    // The table above pairs each kind with the schema that was just applied; the compiler can't follow the pair.
    return [{ ...(parsed.data as Properties<K>), logicalId }];
  });
}

function routeSpec(
  route: Resource<'route'>,
  integrations: ReadonlyMap<string, Resource<'integration'>>,
  functions: readonly FunctionSpec[],
): RouteSpec {
  const integration = integrations.get(basename(route.Target));
  const target = functions.find(({ functionArn }) => integration?.IntegrationUri.includes(functionArn) === true);
  if (integration === undefined || target === undefined) {
    throw new LocalError(`The route "${route.RouteKey}" leads to no function of this template.`);
  }
  return {
    routeKey: route.RouteKey,
    requiresIam: route.AuthorizationType === 'AWS_IAM',
    function: target,
    integrationTimeout: integration.TimeoutInMillis,
  };
}

function scheduleSpec(
  { logicalId, ScheduleExpression, Targets }: Resource<'schedule'>,
  functions: readonly FunctionSpec[],
): ScheduleSpec {
  const targets = Targets.map(({ Arn }) => {
    const target = functions.find(({ functionArn }) => functionArn === Arn);
    if (target === undefined) throw new LocalError(`The schedule ${logicalId} leads to no function of this template.`);
    return target;
  });
  return { logicalId, everyMs: Number.parseInt(ScheduleExpression.slice('rate('.length), 10) * 60_000, targets };
}

function rolesOf(
  roles: readonly Resource<'role'>[],
  policies: readonly Resource<'rolePolicy'>[],
  references: References,
): RoleSpec[] {
  return roles.map(({ logicalId, AssumeRolePolicyDocument, Policies }) => {
    const name = references.ref(logicalId) ?? '';
    const attached = [...Policies, ...policies.filter(({ Roles }) => Roles.includes(name))];
    return {
      logicalId,
      roleArn: references.attribute(logicalId, 'Arn'),
      trust: AssumeRolePolicyDocument.Statement,
      statements: attached.flatMap(({ PolicyDocument }) => PolicyDocument.Statement),
    };
  });
}

function bucketsOf(
  buckets: readonly Resource<'bucket'>[],
  policies: readonly Resource<'bucketPolicy'>[],
  references: References,
): BucketSpec[] {
  return buckets.map(({ logicalId, CorsConfiguration, LifecycleConfiguration }) => {
    const bucketName = references.ref(logicalId) ?? '';
    return {
      logicalId,
      bucketName,
      corsRules: CorsConfiguration?.CorsRules ?? [],
      lifecycleRules: LifecycleConfiguration?.Rules ?? [],
      statements: policies
        .filter(({ Bucket }) => Bucket === bucketName)
        .flatMap(({ PolicyDocument }) => PolicyDocument.Statement),
    };
  });
}

function pageOf(
  all: <K extends Kind>(kind: K) => readonly Resource<K>[],
  { ref, attribute }: References,
): PageSpec | undefined {
  const distributions = all('distribution');
  if (distributions.length === 0) return undefined;
  const distribution = only(distributions, 'AWS::CloudFront::Distribution');
  return pageSpec({
    distribution: { ...distribution, domainName: attribute(distribution.logicalId, 'DomainName') },
    functions: all('edgeFunction').map((one) => ({ ...one, arn: attribute(one.logicalId, 'FunctionARN') })),
    policies: all('headersPolicy').map((one) => ({ ...one, id: ref(one.logicalId) ?? '' })),
    published: all('publishedPage'),
  });
}

function codeFolder({ assets }: Assembly, { logicalId, Code }: Resource<'function'>): string {
  const folder = assets.get(Code.S3Key);
  if (folder === undefined) {
    throw new LocalError(
      `The code of ${logicalId} (${Code.S3Key}) is not among the assembly's assets. Synthesize again.`,
    );
  }
  return folder;
}

function only<T>(resources: readonly T[], type: string): T {
  const [resource] = resources;
  if (resource === undefined || resources.length !== 1) {
    throw new LocalError(`The local vault runs exactly one ${type}; the template has ${resources.length}.`);
  }
  return resource;
}

function refuseUnknownTypes({ Resources }: Template): void {
  const known = new Set<string>(Object.values(schemas).map(([type]) => type));
  for (const [logicalId, { Type }] of Object.entries(Resources)) {
    if (known.has(Type) || typesWithoutEffect.has(Type)) continue;
    throw new LocalError(
      `The template has a ${Type} (${logicalId}), which the local vault does not run. Nothing was started. ` +
        `Teach it to local/template.ts.`,
    );
  }
}

function referencesOf({ template, stackName }: Assembly, keyIds: ReadonlyMap<string, string>): References {
  const pseudoParameters: Record<string, string | undefined> = {
    'AWS::AccountId': account.id,
    'AWS::Region': account.region,
    'AWS::Partition': account.partition,
    'AWS::URLSuffix': account.urlSuffix,
    'AWS::StackName': stackName,
    'AWS::NoValue': undefined,
  };
  // CloudFormation adds a random part to names; here the name must find the same data after a restart.
  const nameOf = (logicalId: string) => keyIds.get(logicalId) ?? physicalName(template, stackName, logicalId);
  return {
    ref(name) {
      if (Object.hasOwn(pseudoParameters, name)) return pseudoParameters[name];
      if (template.Resources[name] === undefined) throw unknownReference(name);
      return nameOf(name);
    },
    attribute(logicalId, name) {
      const attributes = attributesByType[template.Resources[logicalId]?.Type ?? ''];
      const attribute = attributes?.[name];
      if (attribute === undefined) throw unknownReference(`${logicalId}.${name}`);
      return attribute(nameOf(logicalId));
    },
  };
}

const attributesByType: Record<string, Record<string, (name: string) => string>> = {
  'AWS::DynamoDB::Table': { Arn: (name) => arn('dynamodb', `table/${name}`) },
  'AWS::S3::Bucket': {
    Arn: (name) => bucketArn(name),
    DomainName: (name) => `${name}.s3.${account.urlSuffix}`,
    RegionalDomainName: (name) => regionalDomain(name),
  },
  'AWS::CloudFront::Distribution': { DomainName: (name) => `${name.toLowerCase()}.cloudfront.net` },
  'AWS::CloudFront::Function': { FunctionARN: (name) => iamArn(name).replace(':iam:', ':cloudfront:') },
  'AWS::CloudFront::OriginAccessControl': { Id: (name) => name },
  'AWS::KMS::Key': { Arn: (name) => arn('kms', `key/${name}`), KeyId: (name) => name },
  'AWS::Lambda::Function': { Arn: (name) => arn('lambda', `function:${name}`) },
  'AWS::IAM::Role': { Arn: (name) => iamArn(`role/${name}`) },
  'AWS::Logs::LogGroup': { Arn: (name) => arn('logs', `log-group:${name}:*`) },
  'AWS::ApiGatewayV2::Api': {
    ApiEndpoint: (name) => `https://${name}.execute-api.${account.region}.${account.urlSuffix}`,
    ApiId: (name) => name,
  },
};

// Integrations are named by their logical id, so that a route's Target leads back to them.
function physicalName(template: Template, stackName: string, logicalId: string): string {
  const type = template.Resources[logicalId]?.Type;
  if (type === 'AWS::ApiGatewayV2::Integration') return logicalId;
  const name = `${stackName}-${logicalId}`;
  // S3 takes 63 characters, in lower case; the logical id ends in what tells buckets apart.
  return type === 'AWS::S3::Bucket' ? name.toLowerCase().slice(-63).replace(/^-+/, '') : name;
}

const unknownReference = (what: string) =>
  new LocalError(`The template refers to ${what}, which the local vault does not know. Nothing was started.`);
