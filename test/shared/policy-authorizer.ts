/** An `authorize` hook that enforces the synthesized policies on every call to the emulated services, like AWS. */

import type { EngineCall, EngineHooks, Permission } from '../../local/aws/endpoint/engine-hooks.ts';
import { arn } from '../../local/aws/shared/aws-account.ts';
import { formatFunctionArn, parseFunctionName } from '../../local/aws/shared/function-arn.ts';
import { isObject } from '../../local/aws/shared/json.ts';
import type { LocalVault } from '../../local/vault/local-vault.ts';
import { decide, type IamRequest } from './iam-simulator.ts';

export interface PolicyAuthorizer extends EngineHooks {
  authorize(call: EngineCall): Promise<boolean>;
  /** The denied calls, as `role service:Action resource`. */
  readonly denials: string[];
  /** The number of allowed calls by action. */
  readonly allowed: Map<string, number>;
}

/** S3 asks for these while it answers a permitted GetObject, and leaves out a response header if they are denied. */
const optionalActions: ReadonlySet<string> = new Set(['s3:GetObjectRetention', 's3:GetObjectLegalHold']);

/** Creates hooks for `vault.setHooks`. The test principals `local` and `operator` have all permissions. */
export function createPolicyAuthorizer(vault: Pick<LocalVault, 'policies'>): PolicyAuthorizer {
  const denials: string[] = [];
  const allowed = new Map<string, number>();
  const roles = new Set(vault.policies.roles.map(({ roleArn }) => roleArn));
  return {
    denials,
    allowed,
    async authorize(call) {
      if (!roles.has(call.callerArn)) return call.principal === 'local' || call.principal === 'operator';
      for (const request of toIamRequests(call)) {
        if ((await decide(vault.policies, { role: call.callerArn, tags: call.tags }, request)) !== 'Allowed') {
          if (!optionalActions.has(request.action))
            denials.push(`${call.callerArn.split('/').at(-1)} ${request.action} ${request.resource}`);
          return false;
        }
        allowed.set(request.action, (allowed.get(request.action) ?? 0) + 1);
      }
      return true;
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** The IAM requests of one call: one per table, key, object or role. */
export function toIamRequests({ service, action, input, permissions = [] }: EngineCall): IamRequest[] {
  if (!isObject(input)) throw new Error(`${service} ${action} has no input`);
  if (service === 'dynamodb') return dynamoRequests(action, input);
  if (service === 'kms') return kmsRequests(action, input);
  if (service === 'sts') return stsRequests(action, input);
  // The resource is the ARN of the queue, or of a method on a connection. A batch requires the permission of the
  // single-message action, as in IAM.
  if (service === 'sqs' || service === 'execute-api')
    return permissions.map(({ action, resource }) => ({ action, resource, context: {} }));
  if (service === 's3') return permissions.map((permission) => s3Request(permission, input));
  // The AWS Backup actions in use do not support resources in IAM.
  if (service === 'backup') return [{ action: `backup:${action}`, resource: '*', context: {} }];
  return [lambdaRequest(action, input)];
}

function dynamoRequests(action: string, input: Fields): IamRequest[] {
  if (action === 'ListBackups') return [{ action: 'dynamodb:ListBackups', resource: '*', context: {} }];
  if (action === 'BatchGetItem' || action === 'BatchWriteItem') {
    return Object.entries(fieldsOf(input.RequestItems)).map(([table, asked]) => {
      const items = action === 'BatchGetItem' ? listOf(fieldsOf(asked).Keys) : listOf(asked).map(writtenKey);
      return dynamoRequest(action, table, items.map(partitionOf), attributesOf(items, fieldsOf(asked)));
    });
  }
  const table = String(input.TableName);
  if (action === 'Query') {
    const index = input.IndexName === undefined ? '' : `/index/${String(input.IndexName)}`;
    return [dynamoRequest(action, `${table}${index}`, [queriedPartition(input)], attributesOf([], input))];
  }
  const items = [input.Key ?? input.Item].filter((item) => item !== undefined);
  const request = dynamoRequest(action, table, items.map(partitionOf), attributesOf(items, input));
  const { ReturnValues } = input;
  const returned = typeof ReturnValues === 'string' ? { 'dynamodb:ReturnValues': ReturnValues } : {};
  const wanted = input.ProjectionExpression === undefined ? 'ALL_ATTRIBUTES' : 'SPECIFIC_ATTRIBUTES';
  const selected = action === 'GetItem' ? { 'dynamodb:Select': wanted } : {};
  return [{ ...request, context: { ...request.context, ...returned, ...selected } }];
}

function dynamoRequest(
  action: string,
  table: string,
  partitions: readonly string[],
  attributes: readonly string[],
): IamRequest {
  return {
    action: `dynamodb:${action}`,
    // A call can name a table by its ARN.
    resource: table.startsWith('arn:') ? table : arn('dynamodb', `table/${table}`),
    context: {
      ...(partitions.length === 0 ? {} : { 'dynamodb:LeadingKeys': [...new Set(partitions)] }),
      ...(attributes.length === 0 ? {} : { 'dynamodb:Attributes': [...new Set(attributes)] }),
    },
  };
}

/** The attributes of a request: those of keys and items, and those of expressions, which always use placeholders. */
function attributesOf(items: readonly unknown[], expressions: Fields): string[] {
  const names = Object.values(fieldsOf(expressions.ExpressionAttributeNames)).map(String);
  return [...items.flatMap((item) => Object.keys(fieldsOf(item))), ...names];
}

const writtenKey = (write: unknown): unknown => {
  const { PutRequest, DeleteRequest } = fieldsOf(write);
  return fieldsOf(PutRequest).Item ?? fieldsOf(DeleteRequest).Key;
};

/** All tables have the partition key `org`. */
const partitionOf = (item: unknown): string => text(fieldsOf(fieldsOf(item).org).S);

/** The partition key value of a query, which must be an equality. For an index, the only attribute with an equality. */
function queriedPartition(input: Fields): string {
  const condition = String(input.KeyConditionExpression);
  const names = fieldsOf(input.ExpressionAttributeNames);
  for (const [, name = '', value = ''] of condition.matchAll(/(#?\w+)\s*=\s*(:\w+)/g)) {
    if (input.IndexName === undefined && (names[name] ?? name) !== 'org') continue;
    return text(fieldsOf(fieldsOf(input.ExpressionAttributeValues)[value]).S);
  }
  throw new Error(`no partition in ${condition}`);
}

function kmsRequests(action: string, input: Fields): IamRequest[] {
  const request = (name: string, key: unknown, context: unknown): IamRequest => {
    const encryptionContext = context === undefined ? {} : fieldsOf(context);
    const names = Object.keys(encryptionContext);
    const keys = names.map((key): [string, string] => [`kms:EncryptionContext:${key}`, text(encryptionContext[key])]);
    return {
      action: `kms:${name}`,
      resource: text(key).startsWith('arn:') ? text(key) : arn('kms', `key/${text(key)}`),
      context: { ...Object.fromEntries(keys), ...(names.length === 0 ? {} : { 'kms:EncryptionContextKeys': names }) },
    };
  };
  if (action !== 'ReEncrypt') return [request(action, input.KeyId, input.EncryptionContext)];
  return [
    request('ReEncryptFrom', input.SourceKeyId, input.SourceEncryptionContext),
    request('ReEncryptTo', input.DestinationKeyId, input.DestinationEncryptionContext),
  ];
}

function stsRequests(action: string, input: Fields): IamRequest[] {
  const tags = Object.entries(input).flatMap(([field, key]) => {
    const index = /^Tags\.member\.(\d+)\.Key$/.exec(field)?.[1];
    return index === undefined ? [] : [[String(key), String(input[`Tags.member.${index}.Value`])] as const];
  });
  const context = {
    ...Object.fromEntries(tags.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    ...(tags.length === 0 ? {} : { 'aws:TagKeys': tags.map(([key]) => key) }),
  };
  const resource = text(input.RoleArn);
  const actions = tags.length === 0 ? [action] : [action, 'TagSession'];
  return actions.map((name) => ({ action: `sts:${name}`, resource, context }));
}

/** IAM supports the prefix condition only for these actions. A list of all objects has no prefix. */
function s3Request({ action, resource }: Permission, { Prefix }: Fields): IamRequest {
  const lists = action === 's3:ListBucket' || action === 's3:ListBucketVersions';
  const context = lists && typeof Prefix === 'string' ? { 's3:prefix': Prefix } : {};
  return { action, resource, context };
}

/** The resource is a function, with its version if given, or an execution. */
function lambdaRequest(action: string, input: Fields): IamRequest {
  if (action !== 'Invoke')
    return { action: `lambda:${action}`, resource: text(input.DurableExecutionArn), context: {} };
  const { name, qualifier } = parseFunctionName(text(input.FunctionName));
  const parameter = input.Qualifier === undefined ? undefined : text(input.Qualifier);
  const resource = formatFunctionArn(name, qualifier ?? parameter);
  return { action: 'lambda:InvokeFunction', resource, context: {} };
}

const fieldsOf = (value: unknown): Fields => (isObject(value) ? value : {});
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error('the call has no partition, key or role');
  return value;
}
