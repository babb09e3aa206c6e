/** Templates of WebSocket APIs: what is read, and what is refused at the start. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCloudAssembly } from '../../local/aws/cloudformation/cloud-assembly.ts';
import { readDeployment } from '../../local/aws/cloudformation/read-deployment.ts';
import type { Resources } from './small-assembly.ts';
import { createSocketWorkspace, type SocketWorkspace } from './socket-assembly.ts';

let space: SocketWorkspace;
beforeAll(async () => {
  space = await createSocketWorkspace();
});
afterAll(() => space.remove());

const read = (change?: (resources: Resources) => void) =>
  readDeployment(readCloudAssembly(space.assembly(change, { answers: true })), new Map());

/** The resource of a type whose properties contain the given ones. */
const find = (resources: Resources, type: string, properties: object = {}): [string, Record<string, unknown>] => {
  for (const [id, { Type, Properties }] of Object.entries(resources)) {
    const matches = Object.entries(properties).every(([name, value]) => Properties[name] === value);
    if (Type === `AWS::ApiGatewayV2::${type}` && matches) return [id, Properties];
  }
  return expect.fail(`no ${type}`);
};

describe('the API of the product', () => {
  test('is read beside the HTTP API, with its routes and addresses', () => {
    const { sockets, routes, functions, apiEndpoint, api } = read();
    expect(api.ProtocolType).toBe('HTTP');
    expect(apiEndpoint).toMatch(/^https:\/\/Sockets-Http\w+\.execute-api\.us-east-1\.amazonaws\.com$/);
    expect(routes.map(({ routeKey }) => routeKey).sort()).toEqual(['GET /page', 'POST /v1/keys', 'POST /v1/orgs']);
    expect(sockets).toMatchObject({
      apiId: expect.stringMatching(/^Sockets-SocketApi\w+$/),
      hostName: `${sockets?.apiId}.execute-api.us-east-1.amazonaws.com`,
      stageName: 'v1',
      routeSelection: ['type'],
    });
    const relay = functions.find(({ logicalId }) => logicalId.startsWith('Relay'));
    const toRelay = { kind: 'function', targetArn: `${relay?.functionArn}:live`, timeoutMs: 29_000 };
    const throttling = { ThrottlingRateLimit: 5000, ThrottlingBurstLimit: 10_000 };
    expect(sockets?.routes).toMatchObject([
      { routeKey: '$connect', integration: toRelay, isTwoWay: false, throttling },
      { routeKey: '$disconnect', integration: toRelay, isTwoWay: false, throttling },
      { routeKey: '$default', integration: toRelay, isTwoWay: true, throttling },
      { routeKey: 'ping', integration: { kind: 'mock', status: 200, body: '{"type":"pong"}' }, isTwoWay: true },
    ]);
    expect(relay?.Environment.Variables).toMatchObject({
      ANIMA_SOCKET_URL: `wss://${sockets?.hostName}/v1`,
      ANIMA_CONNECTIONS_URL: `https://${sockets?.hostName}/v1`,
    });
  });

  test('is not needed', () => {
    const { sockets } = read((resources) => {
      const [apiId] = find(resources, 'Api', { ProtocolType: 'WEBSOCKET' });
      const removed = ([id, { Type, Properties }]: [string, Resources[string]]) =>
        id === apiId ||
        (Type.startsWith('AWS::ApiGatewayV2::') && JSON.stringify(Properties).includes(`{"Ref":"${apiId}"}`));
      for (const entry of Object.entries(resources)) if (removed(entry)) delete resources[entry[0]];
      const ofType = (type: string) => Object.values(resources).filter(({ Type }) => Type === type);
      for (const { Properties } of ofType('AWS::IAM::Role')) delete Properties.Policies;
      for (const { Properties } of ofType('AWS::Lambda::Function')) delete Properties.Environment;
    });
    expect(sockets).toBeUndefined();
  });

  test('answers only if the route has a response and selects it', () => {
    const isTwoWay = (change: (resources: Resources) => void) =>
      read(change).sockets?.routes.find(({ routeKey }) => routeKey === 'ping')?.isTwoWay;
    expect(isTwoWay(() => {})).toBe(true);
    const withoutResponse = (resources: Resources) => {
      const [RouteId] = find(resources, 'Route', { RouteKey: 'ping' });
      const [id = ''] =
        Object.entries(resources).find(
          ([, { Type, Properties }]) => Type.endsWith('::RouteResponse') && Object(Properties.RouteId).Ref === RouteId,
        ) ?? [];
      delete resources[id];
    };
    expect(isTwoWay(withoutResponse)).toBe(false);
    expect(
      isTwoWay(
        (resources) => delete find(resources, 'Route', { RouteKey: 'ping' })[1].RouteResponseSelectionExpression,
      ),
    ).toBe(false);
  });

  test('selects the response of a mock integration by its status', () => {
    const change = (key: string) => (resources: Resources) => {
      const [id, properties] = find(resources, 'IntegrationResponse');
      const special = { ...properties, IntegrationResponseKey: key, ResponseTemplates: { $default: 'special' } };
      resources[`${id}Special`] = { Type: 'AWS::ApiGatewayV2::IntegrationResponse', Properties: special };
    };
    const bodyWith = (key: string) =>
      read(change(key)).sockets?.routes.find(({ routeKey }) => routeKey === 'ping')?.integration;
    expect(bodyWith('/2\\d\\d/')).toMatchObject({ body: 'special' });
    expect(bodyWith('/4\\d\\d/')).toMatchObject({ body: '{"type":"pong"}' });
  });

  test('may have a deployment, and limits of single routes', () => {
    const { sockets } = read((resources) => {
      const [, stage] = find(resources, 'Stage', { StageName: 'v1' });
      resources.Deployed = { Type: 'AWS::ApiGatewayV2::Deployment', Properties: { ApiId: stage.ApiId } };
      stage.DeploymentId = { Ref: 'Deployed' };
      stage.RouteSettings = { $connect: { ThrottlingRateLimit: 5 } };
    });
    expect(sockets?.routes[0]?.throttling).toMatchObject({ ThrottlingRateLimit: 5, ThrottlingBurstLimit: 10_000 });
  });
});

describe('is refused:', () => {
  const edit = (type: string, match: object, properties: object) => (resources: Resources) => {
    Object.assign(find(resources, type, match)[1], properties);
  };
  const mock = { IntegrationType: 'MOCK' };
  test.each<[string, (resources: Resources) => void, RegExp]>([
    ['an authorizer', edit('Route', { RouteKey: '$connect' }, { AuthorizationType: 'AWS_IAM' }), /no authorizer/],
    [
      'a property that is not read',
      edit('Route', { RouteKey: 'ping' }, { ModelSelectionExpression: 'x' }),
      /ModelSelection/,
    ],
    [
      'a selection by something other than the body',
      edit('Api', { ProtocolType: 'WEBSOCKET' }, { RouteSelectionExpression: '$request.header.x' }),
      /only \$request\.body/,
    ],
    ['a stage that is not named', edit('Stage', { StageName: 'v1' }, { StageName: '$default' }), /name of a stage/],
    [
      'a target without an integration',
      edit('Route', { RouteKey: 'ping' }, { Target: 'integrations/x' }),
      /"ping" has no integration/,
    ],
    [
      'an integration of another service',
      edit('Integration', mock, { IntegrationType: 'HTTP_PROXY' }),
      /IntegrationType/,
    ],
    ['a timeout over 29 seconds', edit('Integration', mock, { TimeoutInMillis: 29_001 }), /TimeoutInMillis/],
    [
      'a mock request without a status',
      edit('Integration', mock, { RequestTemplates: { $default: '{}' } }),
      /has no statusCode/,
    ],
    [
      'a mock request that is not selected',
      edit('Integration', mock, { RequestTemplates: { other: '{"statusCode":200}' } }),
      /has no statusCode/,
    ],
    [
      'a template with a variable',
      edit('IntegrationResponse', {}, { ResponseTemplates: { $default: '$context.connectionId' } }),
      /Velocity/,
    ],
    [
      'a mock without a response',
      (resources) => delete resources[find(resources, 'IntegrationResponse')[0]],
      /no integration response for the status 200/,
    ],
    [
      'a response without a template',
      edit('IntegrationResponse', {}, { ResponseTemplates: {} }),
      /no response template/,
    ],
    [
      'a second stage',
      (resources) => {
        const [id, properties] = find(resources, 'Stage', { StageName: 'v1' });
        resources[`${id}2`] = { Type: 'AWS::ApiGatewayV2::Stage', Properties: { ...properties, StageName: 'v2' } };
      },
      /at most one WebSocket API, with one stage/,
    ],
  ])('%s', (_, change, message) => {
    expect(() => read(change)).toThrow(message);
  });
});
