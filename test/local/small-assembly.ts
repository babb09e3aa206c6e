/** A small cloud assembly in the format of the CDK, with functions that use the AWS SDK. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const handlerSource = `
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';

const tables = new DynamoDBClient({ maxAttempts: 1 });
const kms = new KMSClient({ maxAttempts: 1 });
const queues = new SQSClient({ maxAttempts: 1 });
const TableName = process.env.ITEM_TABLE;
let handled = 0;

const routes = {
  'POST /v1/orgs': (event) => ({ org: 'org1', adminKey: { key: 'key_admin_SECRETMARK' }, iam: event.requestContext.authorizer.iam }),
  'POST /v1/keys': (event) => ({ key: 'key_agent_SECRETMARK', authorization: event.headers.authorization }),
  'GET /echo/{name+}': (event, context) => ({ event, functionName: context.functionName, remaining: context.getRemainingTimeInMillis() }),
  'POST /echo/{name+}': (event) => ({ event }),
  'GET /context': (_, { functionName, functionVersion, invokedFunctionArn }) =>
    ({ functionName, functionVersion, invokedFunctionArn, variable: process.env.AWS_LAMBDA_FUNCTION_VERSION }),
  'GET /environment': () => ({ ...process.env }),
  'PUT /items/{id}': async ({ pathParameters, body }) => {
    await tables.send(new PutItemCommand({ TableName, Item: { org: { S: pathParameters.id }, body: { S: body } } }));
    return { stored: true };
  },
  'GET /items/{id}': async ({ pathParameters }) => {
    const { Item } = await tables.send(new GetItemCommand({ TableName, Key: { org: { S: pathParameters.id } }, ConsistentRead: true }));
    return { body: Item?.body.S ?? null };
  },
  'POST /data-key': async ({ body }) => {
    const { KeyId } = await kms.send(new GenerateDataKeyCommand({ KeyId: process.env.KEK_ID, KeySpec: 'AES_256', EncryptionContext: JSON.parse(body) }));
    return { KeyId };
  },
  'GET /count': async () => {
    const n = ++handled;
    await new Promise((resolve) => setTimeout(resolve, 30));
    return { n };
  },
  'POST /answer': ({ body }) => JSON.parse(body),
  'POST /messages': async ({ body }) => {
    const { MessageBody, MessageGroupId } = JSON.parse(body);
    const sent = await queues.send(new SendMessageCommand({ QueueUrl: process.env.QUEUE_URL, MessageBody, MessageGroupId }));
    return { id: sent.MessageId };
  },
  'GET /large': () => ({ large: 'x'.repeat(7 * 1024 * 1024) }),
  'GET /throw': () => { throw new RangeError('thrown on purpose'); },
  'GET /exit': () => process.exit(3),
  'GET /sleep': () => new Promise(() => setTimeout(() => {}, 60_000)),
};
routes['GET /{anything}/sleep'] = routes['GET /sleep'];

// Sends its input to a provider, so that tests can see it. A message fails as many times as it specifies.
const handleMessages = async (event) => {
  await fetch(process.env.ANIMA_PROVIDER_APIS + '/slack/api/chat.postMessage', { method: 'POST', body: JSON.stringify(event) });
  const failed = event.Records.filter(({ body, attributes }) => Number(attributes.ApproximateReceiveCount) <= Number(body.split(' ')[1] ?? 0));
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
};

export const handler = async (event, context) => {
  if (event.Records !== undefined) return await handleMessages(event);
  console.log('handling ' + event.routeKey);
  const route = routes[event.routeKey ?? event.direct];
  if (route === undefined) return { statusCode: 404, headers: { 'content-type': 'application/json' }, body: '{"from":"default"}' };
  const result = await route(event, context);
  if (event.routeKey === 'POST /answer' || event.direct !== undefined) return result;
  return { statusCode: 200, headers: { 'content-type': 'application/json', 'Access-Control-Allow-Origin': 'https://evil.example' }, cookies: ['a=1; Secure', 'b=2'], body: JSON.stringify(result) };
};
`;

export type Resources = Record<string, { Type: string; Properties: Record<string, unknown> }>;

/** A stack of an assembly. */
interface StackContent {
  readonly name: string;
  readonly resources: Resources;
  readonly outputs?: Readonly<Record<string, object>>;
  /** Names of stacks. */
  readonly dependsOn?: readonly string[];
}

const routeKeys = [
  'POST /v1/keys',
  'GET /echo/{name+}',
  'POST /echo/{name+}',
  'GET /context',
  'GET /environment',
  'PUT /items/{id}',
  'GET /items/{id}',
  'POST /data-key',
  'GET /count',
  'GET /large',
  'GET /throw',
  'GET /exit',
  'POST /answer',
  'POST /messages',
];

/** The resources of the assembly. Tests change them to check what is rejected. */
export function templateResources(): Resources {
  const route = (routeKey: string, integration = 'ToMain', authorization = 'NONE') => ({
    Type: 'AWS::ApiGatewayV2::Route',
    Properties: {
      ApiId: { Ref: 'Api' },
      RouteKey: routeKey,
      AuthorizationType: authorization,
      Target: { 'Fn::Join': ['', ['integrations/', { Ref: integration }]] },
    },
  });
  const integration = (target: string, timeout?: number) => ({
    Type: 'AWS::ApiGatewayV2::Integration',
    Properties: {
      ApiId: { Ref: 'Api' },
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: { 'Fn::GetAtt': [target, 'Arn'] },
      PayloadFormatVersion: '2.0',
      ...(timeout !== undefined && { TimeoutInMillis: timeout }),
    },
  });
  const lambda = (timeout: number) => ({
    Type: 'AWS::Lambda::Function',
    Properties: {
      Code: { S3Bucket: { 'Fn::Sub': [`cdk-\${Kind}-\${AWS::Region}`, { Kind: 'assets' }] }, S3Key: 'abc.zip' },
      Handler: 'index.handler',
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Timeout: timeout,
      MemorySize: 256,
      Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
      LoggingConfig: { LogFormat: 'JSON', LogGroup: { Ref: 'Log' } },
      Environment: { Variables: { ITEM_TABLE: { Ref: 'Items' }, KEK_ID: { 'Fn::GetAtt': ['Kek', 'Arn'] } } },
    },
  });
  return {
    Items: {
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        AttributeDefinitions: [{ AttributeName: 'org', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'org', KeyType: 'HASH' }],
        BillingMode: 'PAY_PER_REQUEST',
        DeletionProtectionEnabled: true,
      },
    },
    Kek: {
      Type: 'AWS::KMS::Key',
      Properties: {
        EnableKeyRotation: true,
        KeyPolicy: {
          Version: '2012-10-17',
          Statement: [
            {
              Effect: 'Allow',
              Action: 'kms:*',
              Resource: '*',
              Principal: {
                AWS: {
                  'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':iam::', { Ref: 'AWS::AccountId' }, ':root']],
                },
              },
            },
            ...['org', 'dek'].map((key) => ({
              Effect: 'Deny',
              Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
              Resource: '*',
              Principal: { AWS: '*' },
              Condition: { Null: { [`kms:EncryptionContext:${key}`]: 'true' } },
            })),
          ],
        },
      },
    },
    KekAlias: {
      Type: 'AWS::KMS::Alias',
      Properties: { AliasName: 'alias/fixture', TargetKeyId: { 'Fn::GetAtt': ['Kek', 'Arn'] } },
    },
    Role: { Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument: { Statement: [] } } },
    Log: { Type: 'AWS::Logs::LogGroup', Properties: {} },
    Main: lambda(10),
    Slow: lambda(1),
    Patient: lambda(5),
    Api: {
      Type: 'AWS::ApiGatewayV2::Api',
      Properties: {
        Name: 'fixture',
        ProtocolType: 'HTTP',
        CorsConfiguration: {
          AllowOrigins: ['*'],
          AllowMethods: ['GET', 'PUT'],
          AllowHeaders: ['authorization'],
          MaxAge: 600,
        },
      },
    },
    Stage: {
      Type: 'AWS::ApiGatewayV2::Stage',
      Properties: {
        ApiId: { Ref: 'Api' },
        StageName: '$default',
        AutoDeploy: true,
        AccessLogSettings: {
          DestinationArn: { 'Fn::GetAtt': ['Log', 'Arn'] },
          Format: '{"route":"$context.routeKey","status":"$context.status","latency":"$context.integrationLatency"}',
        },
      },
    },
    ToMain: integration('Main'),
    ToSlow: integration('Slow'),
    ToPatient: integration('Patient', 200),
    OrgRoute: route('POST /v1/orgs', 'ToMain', 'AWS_IAM'),
    SlowRoute: route('GET /sleep', 'ToSlow'),
    PatientRoute: route('GET /{anything}/sleep', 'ToPatient'),
    ...Object.fromEntries(routeKeys.map((routeKey, i) => [`Route${i}`, route(routeKey)])),
  };
}

/** The same resources plus a FIFO queue with a dead-letter queue. The function Main consumes the queue. */
export function templateResourcesWithQueue(): Resources {
  const all = templateResources();
  const environment: object = all.Main?.Properties.Environment ?? {};
  Object.assign(all.Main?.Properties ?? {}, {
    Environment: merged(environment, { QUEUE_URL: { Ref: 'Jobs' }, API_URL: { 'Fn::GetAtt': ['Api', 'ApiEndpoint'] } }),
  });
  return {
    ...all,
    DeadJobs: { Type: 'AWS::SQS::Queue', Properties: { FifoQueue: true, SqsManagedSseEnabled: true } },
    Jobs: {
      Type: 'AWS::SQS::Queue',
      Properties: {
        FifoQueue: true,
        ContentBasedDeduplication: true,
        DeduplicationScope: 'messageGroup',
        FifoThroughputLimit: 'perMessageGroupId',
        VisibilityTimeout: 10,
        KmsMasterKeyId: 'alias/aws/sqs',
        RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['DeadJobs', 'Arn'] }, maxReceiveCount: 2 },
      },
    },
    JobsPolicy: {
      Type: 'AWS::SQS::QueuePolicy',
      Properties: {
        Queues: [{ Ref: 'Jobs' }],
        PolicyDocument: {
          Statement: [
            {
              Effect: 'Deny',
              Action: 'sqs:*',
              Principal: { AWS: '*' },
              Resource: { 'Fn::GetAtt': ['Jobs', 'Arn'] },
              Condition: { Bool: { 'aws:SecureTransport': 'false' } },
            },
          ],
        },
      },
    },
    JobsToMain: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        EventSourceArn: { 'Fn::GetAtt': ['Jobs', 'Arn'] },
        FunctionName: { Ref: 'Main' },
        BatchSize: 5,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        ScalingConfig: { MaximumConcurrency: 2 },
      },
    },
    MayInvoke: { Type: 'AWS::Lambda::Permission', Properties: { Action: 'lambda:InvokeFunction', FunctionName: 'x' } },
  };
}

const merged = (environment: object, more: object): object => ({
  Variables: {
    ...('Variables' in environment && environment.Variables !== null ? Object(environment.Variables) : {}),
    ...more,
  },
});

export interface Workspace {
  readonly folder: string;
  /** Creates an assembly with these resources in one stack and returns its folder. */
  assembly(content?: Resources): string;
  /** Creates an assembly with several stacks and returns its folder. */
  assemblyOf(stacks: readonly StackContent[]): string;
  remove(): void;
}

/** Creates a temporary folder and builds the functions' bundle once. */
export async function createWorkspace(): Promise<Workspace> {
  const folder = mkdtempSync(join(tmpdir(), 'anima-local-'));
  await build({
    stdin: { contents: handlerSource, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    outfile: join(folder, 'asset.abc', 'index.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    mainFields: ['module', 'main'],
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
  });
  let assemblies = 0;
  const assemblyOf = (stacks: readonly StackContent[]): string => {
    const path = join(folder, `assembly-${++assemblies}`);
    mkdirSync(path);
    const write = (name: string, value: unknown) => writeFileSync(join(path, name), JSON.stringify(value));
    const artifacts = stacks.flatMap(({ name, dependsOn = [] }) => [
      [
        name,
        {
          type: 'aws:cloudformation:stack',
          properties: { templateFile: `${name}.template.json` },
          dependencies: [...dependsOn, `${name}.assets`],
        },
      ],
      [`${name}.assets`, { type: 'cdk:asset-manifest', properties: { file: `${name}.assets.json` } }],
    ]);
    write('manifest.json', { artifacts: Object.fromEntries(artifacts) });
    for (const { name, resources, outputs } of stacks) {
      write(`${name}.template.json`, { Resources: resources, ...(outputs && { Outputs: outputs }) });
      write(`${name}.assets.json`, {
        files: {
          abc: { source: { path: '../asset.abc', packaging: 'zip' }, destinations: { here: { objectKey: 'abc.zip' } } },
        },
      });
    }
    return path;
  };
  return {
    folder,
    assembly: (content = templateResources()) => assemblyOf([{ name: 'Fixture', resources: content }]),
    assemblyOf,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
