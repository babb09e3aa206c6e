/** An assembly with several stacks, whose functions are invoked by published versions and aliases. */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCloudAssembly } from '../../local/aws/cloudformation/cloud-assembly.ts';
import { readDeployment } from '../../local/aws/cloudformation/read-deployment.ts';
import { arn } from '../../local/aws/shared/aws-account.ts';
import { type LocalVault, startLocalVault } from '../../local/vault/local-vault.ts';
import { createPolicyAuthorizer } from '../shared/policy-authorizer.ts';
import {
  createWorkspace,
  type Resources,
  templateResources,
  templateResourcesWithQueue,
  type Workspace,
} from './small-assembly.ts';

let space: Workspace;
beforeAll(async () => {
  space = await createWorkspace();
});
afterAll(() => space.remove());

const stateful = ['Items', 'Kek', 'KekAlias'];
const exportOf = (attribute: unknown, name: string) => ({ Value: attribute, Export: { Name: name } });
const dataOutputs = {
  ItemsOut: exportOf({ Ref: 'Items' }, 'Data:Items'),
  KekOut: exportOf({ 'Fn::GetAtt': ['Kek', 'Arn'] }, 'Data:Kek'),
  NotExported: { Value: { 'Fn::GetAtt': ['Kek', 'Unknown'] } },
};

/** The fixture's resources in two stacks. Its functions are invoked by the alias `live` only. */
function twoStacks(all: Resources = templateResources()) {
  const pick = (wanted: (id: string) => boolean): Resources =>
    Object.fromEntries(Object.entries(all).filter(([id]) => wanted(id)));
  const { Environment, ...main } = all.Main?.Properties ?? {};
  const Variables = { ITEM_TABLE: { 'Fn::ImportValue': 'Data:Items' }, KEK_ID: { 'Fn::ImportValue': 'Data:Kek' } };
  const code: Resources = {
    ...pick((id) => !stateful.includes(id)),
    Main: { Type: 'AWS::Lambda::Function', Properties: { ...main, Environment: { Variables } } },
    Slow: { Type: 'AWS::Lambda::Function', Properties: main },
    Patient: { Type: 'AWS::Lambda::Function', Properties: main },
    MainVersion: { Type: 'AWS::Lambda::Version', Properties: { FunctionName: { Ref: 'Main' } } },
    MainLive: {
      Type: 'AWS::Lambda::Alias',
      Properties: {
        FunctionName: { Ref: 'Main' },
        Name: 'live',
        FunctionVersion: { 'Fn::GetAtt': ['MainVersion', 'Version'] },
      },
    },
    ToMain: {
      Type: 'AWS::ApiGatewayV2::Integration',
      Properties: { ...all.ToMain?.Properties, IntegrationUri: { Ref: 'MainLive' } },
    },
    Canary: { Type: 'AWS::CodeDeploy::Application', Properties: {} },
    Rollout: { Type: 'AWS::CodeDeploy::DeploymentGroup', Properties: { ApplicationName: { Ref: 'Canary' } } },
  };
  return { data: pick((id) => stateful.includes(id)), code };
}

function assemblyOfTwo({ data, code } = twoStacks(), dependsOn = ['Data']): string {
  return space.assemblyOf([
    { name: 'Code', resources: code, dependsOn },
    { name: 'Data', resources: data, outputs: dataOutputs },
  ]);
}

const deploymentOf = (assembly: string, keys = ['Kek']) =>
  readDeployment(readCloudAssembly(assembly), new Map(keys.map((key) => [key, `key-of-${key}`])));

describe('an assembly with two stacks', () => {
  test('is one deployment: a stack uses what an earlier one exports', () => {
    const { functions, tables, routes } = deploymentOf(assemblyOfTwo());
    expect(tables.map(({ tableName }) => tableName)).toEqual(['Data-Items']);
    expect(functions.find(({ logicalId }) => logicalId === 'Main')).toMatchObject({
      functionName: 'Code-Main',
      Environment: { Variables: { ITEM_TABLE: 'Data-Items', KEK_ID: arn('kms', 'key/key-of-Kek') } },
    });
    expect(routes.find(({ routeKey }) => routeKey === 'GET /context')?.targetArn).toBe(
      arn('lambda', 'function:Code-Main:live'),
    );
  });

  test('can have the same logical ID in both', () => {
    const { data, code } = twoStacks();
    const more: Resources = { ...code, Items: data.Items ?? expect.fail() };
    const { tables } = deploymentOf(assemblyOfTwo({ data, code: more }));
    expect(tables.map(({ logicalId, tableName }) => [logicalId, tableName])).toEqual([
      ['Data.Items', 'Data-Items'],
      ['Code.Items', 'Code-Items'],
    ]);
  });

  test('is refused if a stack imports from one that is not deployed before it, or what is not exported', () => {
    const order = [
      { name: 'Code', resources: twoStacks().code },
      { name: 'Data', resources: twoStacks().data, outputs: dataOutputs },
    ];
    expect(() => deploymentOf(space.assemblyOf(order))).toThrow('Code imports Data:Items, but no stack');
    const { data, code } = twoStacks();
    Object.assign(code, { Log2: { Type: 'AWS::SQS::Queue', Properties: { QueueName: { 'Fn::ImportValue': 'No' } } } });
    expect(() => deploymentOf(assemblyOfTwo({ data, code }))).toThrow('Code imports No');
  });

  test('is refused if the stacks depend on each other, or export the same name', () => {
    const { data, code } = twoStacks();
    const circular = space.assemblyOf([
      { name: 'Code', resources: code, dependsOn: ['Data'] },
      { name: 'Data', resources: data, outputs: dataOutputs, dependsOn: ['Code'] },
    ]);
    expect(() => deploymentOf(circular)).toThrow('depend on each other: Code, Data, Code');
    const outputs = { ...dataOutputs, Again: exportOf('x', 'Data:Kek') };
    const twice = space.assemblyOf([
      { name: 'Data', resources: data, outputs },
      { name: 'Code', resources: code, dependsOn: ['Data'] },
    ]);
    expect(() => deploymentOf(twice)).toThrow('Two stacks export Data:Kek');
  });

  test('refers to nothing of the other stack except by an export', () => {
    const { data, code } = twoStacks();
    Object.assign(code, {
      OtherAlias: { Type: 'AWS::KMS::Alias', Properties: { AliasName: 'alias/x', TargetKeyId: { Ref: 'Kek' } } },
    });
    expect(() => deploymentOf(assemblyOfTwo({ data, code }))).toThrow('refers to Kek');
  });
});

describe('targets in a template', () => {
  test('are the alias or version that it names', () => {
    const { data, code } = twoStacks(templateResourcesWithQueue());
    Object.assign(code.JobsToMain?.Properties ?? {}, { FunctionName: { Ref: 'MainLive' } });
    Object.assign(code, {
      Every: {
        Type: 'AWS::Events::Rule',
        Properties: { ScheduleExpression: 'rate(5 minutes)', Targets: [{ Id: 'a', Arn: { Ref: 'MainVersion' } }] },
      },
    });
    const { eventSources, schedules } = deploymentOf(assemblyOfTwo({ data, code }));
    expect(eventSources.map(({ targetArn }) => targetArn)).toEqual([arn('lambda', 'function:Code-Main:live')]);
    expect(schedules.flatMap(({ targets }) => targets.map(({ targetArn }) => targetArn))).toEqual([
      arn('lambda', 'function:Code-Main:1'),
    ]);
  });

  test.each([
    ['an alias that does not exist', { 'Fn::Sub': '${Main.Arn}:draft' }],
    ['a version that does not exist', { 'Fn::Sub': '${Main.Arn}:7' }],
  ])('are refused: %s', (_, IntegrationUri) => {
    const { data, code } = twoStacks();
    Object.assign(code.ToMain?.Properties ?? {}, { IntegrationUri });
    expect(() => deploymentOf(assemblyOfTwo({ data, code }))).toThrow('does not invoke a function of this template');
  });

  test('an alias that routes to a version that does not exist is refused', () => {
    const { data, code } = twoStacks();
    const RoutingConfig = { AdditionalVersionWeights: [{ FunctionVersion: '9', FunctionWeight: 0.5 }] };
    Object.assign(code.MainLive?.Properties ?? {}, { RoutingConfig });
    expect(() => deploymentOf(assemblyOfTwo({ data, code }))).toThrow('routes to version 9, which does not exist');
  });
});

describe('a running function behind an alias', () => {
  let vault: LocalVault;
  beforeAll(async () => {
    vault = await startLocalVault({ assembly: assemblyOfTwo(), port: 0, memory: true });
  });
  afterAll(async () => await vault.close());
  const name = 'Code-Main';
  const lambda = () =>
    new LambdaClient({
      endpoint: vault.endpoints.dynamodb,
      region: vault.operator.region,
      credentials: vault.credentials,
      maxAttempts: 1,
    });
  const Payload = Buffer.from(JSON.stringify({ direct: 'GET /context' }));

  test('sees the published version and the alias in its context and environment', async () => {
    expect(await (await fetch(`${vault.url}/context`)).json()).toEqual({
      functionName: name,
      functionVersion: '1',
      invokedFunctionArn: arn('lambda', `function:${name}:live`),
      variable: '1',
    });
  });

  test('uses the table of the other stack', async () => {
    await fetch(`${vault.url}/items/a`, { method: 'PUT', body: 'kept' });
    expect(await (await fetch(`${vault.url}/items/a`)).json()).toEqual({ body: 'kept' });
  });

  test.each([
    [{ FunctionName: name }, '$LATEST', name],
    [{ FunctionName: `${name}:live` }, '1', `${name}:live`],
    [{ FunctionName: name, Qualifier: 'live' }, '1', `${name}:live`],
    [{ FunctionName: arn('lambda', `function:${name}:1`) }, '1', `${name}:1`],
  ])('is invoked as %j: version %s', async (target, version, named) => {
    const answer = await lambda().send(new InvokeCommand({ ...target, Payload }));
    expect(answer.ExecutedVersion).toBe(version);
    expect(JSON.parse(Buffer.from(answer.Payload ?? []).toString())).toMatchObject({
      functionVersion: version,
      invokedFunctionArn: arn('lambda', `function:${named}`),
      variable: version,
    });
  });

  test.each([
    [{ FunctionName: `${name}:draft` }, 'ResourceNotFoundException'],
    [{ FunctionName: name, Qualifier: '2' }, 'ResourceNotFoundException'],
    [{ FunctionName: `${name}:live`, Qualifier: '1' }, 'InvalidParameterValueException'],
  ])('is refused as %j: %s', async (target, error) => {
    await expect(lambda().send(new InvokeCommand({ ...target, Payload }))).rejects.toMatchObject({ name: error });
  });
});

describe('a permission to invoke', () => {
  const role = arn('iam', 'role/caller');
  const functionArn = arn('lambda', 'function:main');
  const isAllowed = async (Resource: string, input: object): Promise<boolean> => {
    const statements = [{ Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource }];
    const roles = [{ logicalId: 'Caller', roleArn: role, trust: [], statements }];
    const { authorize } = createPolicyAuthorizer({ policies: { roles, resources: new Map() } });
    return await authorize({
      service: 'lambda',
      action: 'Invoke',
      input,
      principal: 'Caller',
      callerArn: role,
      tags: {},
    });
  };

  test.each([
    [':live', ':live', true],
    [':live', '', false],
    [':live', ':1', false],
    [':live', ':$LATEST', false],
    ['', '', true],
    ['', ':live', false],
    ['', ':$LATEST', false],
    [':*', ':live', true],
    [':*', '', false],
  ])('on main%s, for an invocation of main%s: %s', async (permitted, invoked, allowed) => {
    const Qualifier = invoked === '' ? undefined : invoked.slice(1);
    expect(await isAllowed(functionArn + permitted, { FunctionName: `main${invoked}` })).toBe(allowed);
    expect(await isAllowed(functionArn + permitted, { FunctionName: functionArn, Qualifier })).toBe(allowed);
    // A caller can name the qualifier twice.
    expect(await isAllowed(functionArn + permitted, { FunctionName: `main${invoked}`, Qualifier })).toBe(allowed);
  });
});
