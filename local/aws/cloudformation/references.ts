/** Values of `Ref` and `Fn::GetAtt`: names, ARNs and URLs in the format of AWS. */
import { account, arn, bucketArn, bucketDomain, iamArn, queueUrl } from '../shared/aws-account.ts';
import { LocalError } from '../shared/errors.ts';
import type { CloudAssembly, Template } from './cloud-assembly.ts';
import type { References } from './intrinsics.ts';

/** `keyIds` has the key ID of each KMS key by logical ID. */
export function createReferences(
  { template, stackName }: CloudAssembly,
  keyIds: ReadonlyMap<string, string>,
): References {
  const pseudoParameters: Record<string, string | undefined> = {
    'AWS::AccountId': account.id,
    'AWS::Region': account.region,
    'AWS::Partition': account.partition,
    'AWS::URLSuffix': account.urlSuffix,
    'AWS::StackName': stackName,
    'AWS::StackId': arn('cloudformation', `stack/${stackName}/00000000-0000-4000-8000-000000000000`),
    'AWS::NoValue': undefined,
  };
  // CloudFormation adds a random part to names. Names here are stable, so that a restart finds the same data.
  const nameOf = (logicalId: string) => keyIds.get(logicalId) ?? physicalName(template, stackName, logicalId);
  return {
    ref(name) {
      if (Object.hasOwn(pseudoParameters, name)) return pseudoParameters[name];
      if (template.Resources[name] === undefined) throw unknownReference(name);
      // Only for a queue does `Ref` return a URL.
      return template.Resources[name].Type === 'AWS::SQS::Queue' ? queueUrl(nameOf(name)) : nameOf(name);
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
  'AWS::Logs::LogGroup': { Arn: (name) => arn('logs', `log-group:${name}:*`) },
  'AWS::ApiGatewayV2::Api': {
    ApiEndpoint: (name) => `https://${name}.execute-api.${account.region}.${account.urlSuffix}`,
    ApiId: (name) => name,
  },
};

// The name of an integration is its logical ID, so that it can be found from a route's Target.
function physicalName(template: Template, stackName: string, logicalId: string): string {
  const { Type: type, Properties } = template.Resources[logicalId] ?? {};
  if (type === 'AWS::ApiGatewayV2::Integration') return logicalId;
  const name = `${stackName}-${logicalId}`;
  // Queue names have at most 80 characters. Names of FIFO queues end with `.fifo`.
  if (type === 'AWS::SQS::Queue') return Properties?.FifoQueue === true ? `${name.slice(-75)}.fifo` : name.slice(-80);
  // Bucket names have at most 63 characters, in lower case. The end is kept, because it distinguishes logical IDs.
  return type === 'AWS::S3::Bucket' ? name.toLowerCase().slice(-63).replace(/^-+/, '') : name;
}

const unknownReference = (what: string) =>
  new LocalError(`The template refers to ${what}, which this emulator does not support. Nothing was started.`);
