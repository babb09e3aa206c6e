import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { policiesOf } from './role-policies.ts';
import {
  aliasOf,
  apiOf,
  appForTest,
  entries,
  functionOf,
  ofType,
  only,
  type Synthesized,
  stageOf,
  synthesize,
  target,
} from './synthesized-template.ts';

const webAcl = 'arn:aws:wafv2:us-east-1:123456789012:global/webacl/page/1234abcd-12ab-12ab-12ab-123456789012';

const quotas = readFileSync(new URL('../../docs/quotas.md', import.meta.url), 'utf8');

const guide = readFileSync(new URL('../../docs/guide-operator.md', import.meta.url), 'utf8');

let template: Synthesized;
/** Every setting of limits and networks. The synthesis fails if cdk-nag finds something. */
beforeAll(() => {
  template = synthesize(
    appForTest({
      responder: 'sample',
      canary: 'on',
      workerConcurrency: 20,
      brokerConcurrency: 7,
      memoryMb: '512,worker=2048',
      requestsPerSecond: 30,
      tags: 'team=payments',
      apiDomain: 'vault.example.com',
      apiCertificateArn: 'arn:aws:acm:eu-central-1:123456789012:certificate/12ab-34',
      socketDomain: 'sockets.example.com',
      socketCertificateArn: 'arn:aws:acm:eu-central-1:123456789012:certificate/56cd-78',
      pageWebAclArn: webAcl,
      vpc: 'private',
      alarmTopicArn: 'arn:aws:sns:eu-central-1:123456789012:alarms',
      monthlyBudgetUsd: 50,
    }),
  );
});

/** The text of a value with intrinsic functions, as in a deployment in this region. */
const textIn = (value: unknown, region: string): string => {
  const { Ref, 'Fn::Join': join, 'Fn::Split': split } = Object(value);
  const parts = (list: unknown): string[] =>
    Array.isArray(list) ? list.map((part) => textIn(part, region)) : textIn(list, region).split('\0');
  if (Ref !== undefined) return Ref === 'AWS::Region' ? region : 'aws';
  if (join !== undefined) return parts(join[1]).join(join[0]);
  if (split !== undefined) return textIn(split[1], region).replaceAll(split[0], '\0');
  return String(value);
};

/** The domain name that is mapped to the stage of an API. */
const domainOf = (protocol: 'HTTP' | 'WEBSOCKET') => {
  const [api] = apiOf(template, protocol);
  const mappings = ofType(template, 'AWS::ApiGatewayV2::ApiMapping').map(([, { Properties }]) => Properties);
  const { DomainName } = mappings.find(({ ApiId }) => target(ApiId) === api) ?? expect.fail('no mapping');
  return template.resources[target(DomainName)]?.Properties;
};

const ofFunction = (entry: (typeof entries)[number]) => functionOf(template, entry)[1].Properties;

describe('limits', () => {
  test('the worker has reserved concurrency, which its queue does not exceed', () => {
    expect(ofFunction('worker').ReservedConcurrentExecutions).toBe(20);
    const { FunctionName, ScalingConfig } = only(template, 'AWS::Lambda::EventSourceMapping')[1].Properties;
    expect(target(FunctionName)).toBe(aliasOf(template, 'worker')[0]);
    expect(ScalingConfig).toEqual({ MaximumConcurrency: 20 });
    for (const entry of entries.filter((one) => one !== 'worker' && one !== 'broker'))
      expect(ofFunction(entry)).not.toHaveProperty('ReservedConcurrentExecutions');
  });

  test('the broker has reserved concurrency, so that a slow host cannot take that of other functions', () => {
    expect(ofFunction('broker').ReservedConcurrentExecutions).toBe(7);
  });

  test('memory is that of the settings, for all functions or for one', () => {
    for (const entry of entries) expect(ofFunction(entry).MemorySize).toBe(entry === 'worker' ? 2048 : 512);
  });

  test('API Gateway accepts the requests of the settings per second, and twice as many at once', () => {
    expect(stageOf(template, 'HTTP')[1].Properties).toMatchObject({
      DefaultRouteSettings: { ThrottlingRateLimit: 30, ThrottlingBurstLimit: 60 },
    });
  });

  test('no stack comes near the 500 resources that CloudFormation allows, with every setting', () => {
    const counts = Object.values(template.stacks).map(({ Resources }) => Object.keys(Resources).length);
    for (const count of counts) expect(count).toBeLessThanOrEqual(490);
    // The page about quotas tells operators how many there are.
    const said = /about (\d+) in the data stack, up to (\d+) in the code stack and up to (\d+) in the stack of alarms/;
    const [, ...numbers] = said.exec(quotas) ?? [];
    const [data = 0, ...others] = counts;
    expect([Math.round(data / 10) * 10, ...others.map((count) => Math.ceil(count / 10) * 10)]).toEqual(
      numbers.map(Number),
    );
  });
});

test('tables, keys, functions, queues and roles have the tags of the deployment and of the settings', () => {
  const tagged = ['DynamoDB::Table', 'KMS::Key', 'Lambda::Function', 'SQS::Queue', 'IAM::Role', 'S3::Bucket'];
  for (const type of tagged) {
    for (const [id, { Properties }] of ofType(template, `AWS::${type}`)) {
      expect(Properties.Tags, id).toEqual(
        expect.arrayContaining([
          { Key: 'anima:deployment', Value: 'anima-vault-dev' },
          { Key: 'anima:name', Value: 'anima-vault' },
          { Key: 'anima:stage', Value: 'dev' },
          { Key: 'team', Value: 'payments' },
        ]),
      );
    }
  }
});

test('access logs of the API are under the prefix for which AWS has one policy, named after the deployment and stack', () => {
  const { AccessLogSettings } = stageOf(template, 'HTTP')[1].Properties;
  const log = template.resources[target(Object(AccessLogSettings).DestinationArn)];
  expect(JSON.stringify(log?.Properties.LogGroupName)).toMatch(
    /"\/aws\/vendedlogs\/anima-vault-dev-api-".*AWS::StackId/,
  );
});

describe('with a domain for the API', () => {
  test('it has a regional endpoint with TLS 1.2 or newer, and the original address is off', () => {
    expect(domainOf('HTTP')).toMatchObject({
      DomainName: 'vault.example.com',
      DomainNameConfigurations: [{ EndpointType: 'REGIONAL', SecurityPolicy: 'TLS_1_2' }],
    });
    expect(apiOf(template, 'HTTP')[1].Properties.DisableExecuteApiEndpoint).toBe(true);
  });

  test('the WebSocket API has another one, which devices are told, and keeps its address for the notifier', () => {
    expect(domainOf('WEBSOCKET')).toMatchObject({
      DomainName: 'sockets.example.com',
      DomainNameConfigurations: [{ EndpointType: 'REGIONAL', SecurityPolicy: 'TLS_1_2' }],
    });
    expect(apiOf(template, 'WEBSOCKET')[1].Properties.DisableExecuteApiEndpoint).not.toBe(true);
    expect(template.outputs.SocketUrl).toMatchObject({ Value: 'wss://sockets.example.com' });
    expect(Object.keys(template.outputs)).toEqual(expect.arrayContaining(['SocketDomainTarget', 'SocketDomainZone']));
    const { [functionEnv.socketUrl]: told } = Object(ofFunction('relay').Environment).Variables;
    expect(told).toBe('wss://sockets.example.com');
    const { [functionEnv.connectionsUrl]: called } = Object(ofFunction('notifier').Environment).Variables;
    expect(JSON.stringify(called)).toMatch(/"https:\/\/".*\.execute-api\..*"\/v1"/);
  });

  test('clients, providers and the link page use it', () => {
    expect(template.outputs.Url).toMatchObject({ Value: 'https://vault.example.com' });
    expect(Object.keys(template.outputs)).toEqual(expect.arrayContaining(['ApiDomainTarget', 'ApiDomainZone']));
    const { Variables } = Object(ofFunction('webhooks').Environment);
    expect(Variables[functionEnv.publicUrl]).toBe('https://vault.example.com');
    const { DistributionConfig } = only(template, 'AWS::CloudFront::Distribution')[1].Properties;
    // The page gets the second part of the split address as origin.
    expect(JSON.stringify(Object(DistributionConfig).Origins)).toContain('vault.example.com');
  });
});

test('the web ACL of the settings protects the page and its API calls', () => {
  const { DistributionConfig } = only(template, 'AWS::CloudFront::Distribution')[1].Properties;
  expect(Object(DistributionConfig).WebACLId).toBe(webAcl);
});

const inNetwork = entries.filter((entry) => entry !== 'notifier' && entry !== 'broker');

describe('in private subnets', () => {
  test('every function but the notifier and the broker has its interfaces in them, with one security group that admits nothing and sends HTTPS only', () => {
    const [group, { Properties }] =
      ofType(template, 'AWS::EC2::SecurityGroup').find(([id]) => id.startsWith('NetworkFunctions')) ?? expect.fail();
    expect(Properties).not.toHaveProperty('SecurityGroupIngress');
    expect(Properties.SecurityGroupEgress).toMatchObject([{ IpProtocol: 'tcp', FromPort: 443, ToPort: 443 }]);
    const subnets = ofType(template, 'AWS::EC2::Subnet').map(([id]) => ({ Ref: id }));
    expect(subnets).toHaveLength(2);
    for (const entry of inNetwork) {
      expect(ofFunction(entry).VpcConfig).toEqual({
        SubnetIds: subnets,
        SecurityGroupIds: [{ 'Fn::GetAtt': [group, 'GroupId'] }],
      });
    }
    // The notifier calls push services and connections, which no VPC endpoint reaches; the broker calls hosts.
    for (const entry of ['notifier', 'broker'] as const) expect(ofFunction(entry).VpcConfig).toBeUndefined();
  });

  test('the guide says which functions are outside, and every one of them', () => {
    const outside = entries.filter((entry) => ofFunction(entry).VpcConfig === undefined);
    const names = outside.toSorted().map((entry) => `\`${entry}\``);
    const section = guide.split('\n## Private subnets\n')[1]?.split('\n## ')[0] ?? expect.fail('no section');
    const said = [...guide.split('\n').filter((line) => line.startsWith('| `vpc` |')), section.replaceAll('\n', ' ')];
    expect(said).toHaveLength(2);
    for (const text of said) expect(text).toContain(`all functions but ${names.join(' and ')}`);
    for (const name of names) expect(section).toContain(`The function ${name} stays outside`);
  });

  test('nothing leads to the internet', () => {
    const types = new Set(Object.values(template.resources).map(({ Type }) => Type));
    for (const type of ['InternetGateway', 'NatGateway', 'Route', 'EgressOnlyInternetGateway'])
      expect(types).not.toContain(`AWS::EC2::${type}`);
    for (const [, { Properties }] of ofType(template, 'AWS::EC2::Subnet'))
      expect(Properties.MapPublicIpOnLaunch).toBe(false);
  });

  test('the services that functions call have endpoints, for principals of this account only', () => {
    const endpoints = ofType(template, 'AWS::EC2::VPCEndpoint').map(([, { Properties }]) => Properties);
    const names = endpoints.map(({ ServiceName }) => /(\w+)"?\]?\]?\}?$/.exec(JSON.stringify(ServiceName))?.[1]);
    expect(names.sort()).toEqual(['backup', 'dynamodb', 'kms', 'lambda', 's3', 'sqs', 'sts']);
    for (const { PolicyDocument } of endpoints) {
      const [own, ...others] = Object(PolicyDocument).Statement;
      expect(own.Condition).toEqual({ StringEquals: { 'aws:PrincipalAccount': { Ref: 'AWS::AccountId' } } });
      // The answer to CloudFormation, by a presigned URL.
      expect(JSON.stringify(others)).toMatch(/^\[\]$|^\[\{"Action":"s3:PutObject".*custom-resource-response/);
    }
  });

  test('the publisher can answer CloudFormation: the name of its bucket has the region without hyphens', () => {
    const [, { Properties }] =
      ofType(template, 'AWS::EC2::VPCEndpoint').find(([id]) => id.startsWith('NetworkVpcS3')) ?? expect.fail();
    const [, response] = Object(Properties.PolicyDocument).Statement;
    // CloudFormation user guide, "VPC endpoints", "Considerations": `uswest2`, not `us-west-2`.
    expect(textIn(response.Resource, 'eu-central-1')).toBe(
      'arn:aws:s3:::cloudformation-custom-resource-response-eucentral1/*',
    );
  });

  test("a function's code can not use the permission for network interfaces", () => {
    const statements = policiesOf(template)
      .flatMap((policy) => policy.statements)
      .filter(({ Action }) => JSON.stringify(Action).includes('ec2:'));
    expect(statements).toHaveLength(inNetwork.length);
    for (const { Condition } of statements) expect(Condition).toEqual({ Null: { 'lambda:SourceFunctionArn': 'true' } });
  });
});

test('subnets of an existing VPC are used as they are', () => {
  const vpc = { vpc: 'private', vpcId: 'vpc-12345678', vpcSubnetIds: 'subnet-12345678,subnet-23456789' };
  const existing = synthesize(appForTest(vpc));
  expect(ofType(existing, 'AWS::EC2::VPC')).toEqual([]);
  expect(ofType(existing, 'AWS::EC2::VPCEndpoint')).toEqual([]);
  expect(Object(functionOf(existing, 'reader')[1].Properties.VpcConfig).SubnetIds).toEqual([
    'subnet-12345678',
    'subnet-23456789',
  ]);
  expect(only(existing, 'AWS::EC2::SecurityGroup')[1].Properties.VpcId).toBe('vpc-12345678');
});
