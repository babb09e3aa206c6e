/**
 * Values of `Ref`, `Fn::GetAtt` and `Fn::ImportValue`: names, ARNs and URLs in the format of AWS.
 * Source: AWS CloudFormation template reference, "Return values" of each resource type.
 */
import { createHash } from 'node:crypto';
import { account, arn, bucketArn, bucketDomain, iamArn, queueUrl } from '../shared/aws-account.ts';
import { LocalError } from '../shared/errors.ts';
import { type AssemblyResource, type CloudAssembly, resourceId } from './cloud-assembly.ts';
import { type References, resolveIntrinsics } from './intrinsics.ts';
import { readExports } from './stack-exports.ts';

/** The attributes of custom resources, by type. */
export type CustomAttributes = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The references of all stacks. `ref` and `attribute` take the IDs of `CloudAssembly.resources`. */
export interface AssemblyReferences extends Pick<References, 'ref' | 'attribute'> {
  /** Resolves the references that the template of a stack contains. */
  ofStack(stackName: string): References;
}

/**
 * @param keyIds has the key ID of each KMS key by resource ID
 * @param versionOf the number of a published function version, by the resource ID of the `AWS::Lambda::Version`
 * @param customAttributes the attributes of custom resources, by type
 */
export function createReferences(
  { stacks, resources }: Pick<CloudAssembly, 'stacks' | 'resources'>,
  keyIds: ReadonlyMap<string, string>,
  versionOf: (id: string) => string,
  customAttributes: CustomAttributes = {},
): AssemblyReferences {
  const requireResource = (id: string): AssemblyResource => {
    const resource = resources.get(id);
    if (resource === undefined) throw unknownReference(id);
    return resource;
  };
  // CloudFormation adds a random part to names. Names here are stable, so that a restart finds the same data.
  const nameOf = (id: string): string => keyIds.get(id) ?? physicalName(requireResource(id), byStack);
  const propertyOf = (id: string, property: string): string => {
    const { Properties, stackName } = requireResource(id);
    return String(resolveIntrinsics(Properties[property] ?? '', byStack(stackName)));
  };
  /** The ARN of the function that a version or alias belongs to. Its template can contain the name or the ARN. */
  const functionArnOf = (id: string): string => {
    const given = propertyOf(id, 'FunctionName');
    return given.startsWith('arn:') ? given : arn('lambda', `function:${given}`);
  };
  const apiEndpointOf = (id: string): string => {
    const scheme = propertyOf(id, 'ProtocolType') === 'WEBSOCKET' ? 'wss' : 'https';
    return `${scheme}://${nameOf(id)}.execute-api.${account.region}.${account.urlSuffix}`;
  };
  const refs: Record<string, (id: string) => string> = {
    'AWS::SQS::Queue': (id) => queueUrl(nameOf(id)),
    'AWS::Lambda::Version': (id) => `${functionArnOf(id)}:${versionOf(id)}`,
    'AWS::Lambda::Alias': (id) => `${functionArnOf(id)}:${propertyOf(id, 'Name')}`,
  };
  const ref = (id: string) => (refs[requireResource(id).Type] ?? nameOf)(id);
  const computedAttributes: Record<string, (id: string) => string> = {
    'AWS::Lambda::Version.Version': versionOf,
    'AWS::Lambda::Version.FunctionArn': ref,
    'AWS::Lambda::Alias.AliasArn': ref,
    'AWS::ApiGatewayV2::Api.ApiEndpoint': apiEndpointOf,
  };
  const attribute = (id: string, name: string): string => {
    const { Type } = requireResource(id);
    const computed = computedAttributes[`${Type}.${name}`];
    if (computed !== undefined) return computed(id);
    const customAttribute = customAttributes[Type]?.[name];
    if (customAttribute !== undefined) return customAttribute;
    const attributeFrom = attributesByType[Type]?.[name];
    if (attributeFrom === undefined) throw unknownReference(`${id}.${name}`);
    return attributeFrom(nameOf(id));
  };
  const byStack = (stackName: string): References => {
    const idOf = (logicalId: string) => resourceId(stacks, { stackName, logicalId });
    const pseudoParameters: Record<string, string | undefined> = {
      ...accountParameters,
      'AWS::StackName': stackName,
      'AWS::StackId': arn('cloudformation', `stack/${stackName}/00000000-0000-4000-8000-000000000000`),
    };
    const own = stacks.find((stack) => stack.stackName === stackName);
    const has = (logicalId: string) => own !== undefined && Object.hasOwn(own.template.Resources, logicalId);
    return {
      ref(name) {
        if (Object.hasOwn(pseudoParameters, name)) return pseudoParameters[name];
        if (!has(name)) throw unknownReference(name);
        return ref(idOf(name));
      },
      attribute(logicalId, name) {
        if (!has(logicalId)) throw unknownReference(`${logicalId}.${name}`);
        return attribute(idOf(logicalId), name);
      },
      importValue: (name) => exports().import(name, stackName),
    };
  };
  let known: ReturnType<typeof readExports> | undefined;
  const exports = () => (known ??= readExports(stacks, byStack));
  return { ref, attribute, ofStack: byStack };
}

const accountParameters = {
  'AWS::AccountId': account.id,
  'AWS::Region': account.region,
  'AWS::Partition': account.partition,
  'AWS::URLSuffix': account.urlSuffix,
  'AWS::NoValue': undefined,
};

const attributesByType: Record<string, Record<string, (name: string) => string>> = {
  'AWS::DynamoDB::Table': { Arn: (name) => arn('dynamodb', `table/${name}`) },
  'AWS::SQS::Queue': {
    Arn: (name) => arn('sqs', name),
    QueueName: (name) => name,
    QueueUrl: (name) => queueUrl(name),
  },
  'AWS::S3::Bucket': {
    Arn: (name) => bucketArn(name),
    DomainName: (name) => `${name}.s3.${account.urlSuffix}`,
    RegionalDomainName: (name) => bucketDomain(name),
  },
  'AWS::CloudFront::Distribution': { DomainName: (name) => `${name.toLowerCase()}.cloudfront.net` },
  'AWS::CloudFront::Function': { FunctionARN: (name) => iamArn(name).replace(':iam:', ':cloudfront:') },
  'AWS::CloudFront::OriginAccessControl': { Id: (name) => name },
  'AWS::KMS::Key': { Arn: (name) => arn('kms', `key/${name}`), KeyId: (name) => name },
  'AWS::Lambda::Function': { Arn: (name) => arn('lambda', `function:${name}`) },
  'AWS::IAM::Role': { Arn: (name) => iamArn(`role/${name}`) },
  'AWS::Events::Rule': { Arn: (name) => arn('events', `rule/${name}`) },
  'AWS::Logs::LogGroup': { Arn: (name) => arn('logs', `log-group:${name}:*`) },
  'AWS::ApiGatewayV2::Api': { ApiId: (name) => name },
};

/** The property with the name that a template chooses for a resource. Without it, the name is generated. */
const nameProperties: Record<string, string> = {
  'AWS::DynamoDB::Table': 'TableName',
  'AWS::S3::Bucket': 'BucketName',
  'AWS::SQS::Queue': 'QueueName',
  'AWS::Lambda::Function': 'FunctionName',
  'AWS::IAM::Role': 'RoleName',
  'AWS::Logs::LogGroup': 'LogGroupName',
  'AWS::KMS::Alias': 'AliasName',
  'AWS::ApiGatewayV2::Stage': 'StageName',
};

function physicalName(resource: AssemblyResource, byStack: (stackName: string) => References): string {
  const { Type, Properties, stackName, logicalId } = resource;
  const given = Properties[nameProperties[Type] ?? ''];
  if (given !== undefined) return String(resolveIntrinsics(given, byStack(stackName)));
  // The name of an integration is its logical ID, so that it can be found from a route's Target.
  if (Type === 'AWS::ApiGatewayV2::Integration') return logicalId;
  const name = `${stackName}-${logicalId}`;
  // Queue names have at most 80 characters. Names of FIFO queues end with `.fifo`.
  if (Type === 'AWS::SQS::Queue')
    return Properties.FifoQueue === true ? `${shorten(name, 75)}.fifo` : shorten(name, 80);
  // Bucket names have at most 63 characters, in lower case.
  return Type === 'AWS::S3::Bucket' ? shorten(name.toLowerCase(), 63) : name;
}

/** Replaces the start of a long name with a digest. Resources of different stacks can end with the same text. */
function shorten(name: string, most: number): string {
  if (name.length <= most) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${digest}-${name.slice(digest.length + 1 - most).replace(/^-+/, '')}`;
}

const unknownReference = (what: string) =>
  new LocalError(`The template refers to ${what}, which this emulator does not support. Nothing was started.`);
