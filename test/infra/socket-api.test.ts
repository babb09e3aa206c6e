/** The WebSocket API of session custody, synthesized in a small stack. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Validations } from 'aws-cdk-lib';
import { beforeAll, describe, expect, test } from 'vitest';
import { socketApp } from '../local/socket-assembly.ts';
import { policiesOf } from './role-policies.ts';
import { type Resource, type Template, target, temporaryFolder } from './synthesized-template.ts';

const newApp = () => {
  const folder = temporaryFolder();
  const code = join(folder, 'code');
  mkdirSync(code);
  writeFileSync(join(code, 'index.mjs'), 'export const handler = async () => ({ statusCode: 200 });\n');
  return socketApp(join(folder, 'out'), code, { strict: true });
};

let template: Template;
beforeAll(() => {
  template = newApp().synth().getStackArtifact('Sockets').template;
});

const ofType = (type: string): [string, Resource][] =>
  Object.entries(template.Resources).filter(([, { Type }]) => Type === type);
const propertiesOf = (type: string) => ofType(type).map(([, { Properties }]) => Properties);
const route = (key: string) =>
  propertiesOf('AWS::ApiGatewayV2::Route').find(({ RouteKey }) => RouteKey === key) ?? expect.fail(`no route ${key}`);

describe('the routes', () => {
  test('are those of the lifecycle, the default, and the ping', () => {
    const keys = propertiesOf('AWS::ApiGatewayV2::Route').map(({ RouteKey }) => RouteKey);
    expect(keys.sort()).toEqual(['$connect', '$default', '$disconnect', 'ping']);
    expect(propertiesOf('AWS::ApiGatewayV2::Api')).toMatchObject([
      { ProtocolType: 'WEBSOCKET', RouteSelectionExpression: '$request.body.type' },
    ]);
  });

  test.each(['$connect', '$disconnect', '$default'])('%s invokes the alias, which only this route may', (key) => {
    const { Target, RouteResponseSelectionExpression } = route(key);
    const integration = template.Resources[target(Target)]?.Properties;
    expect(integration?.IntegrationType).toBe('AWS_PROXY');
    expect(JSON.stringify(integration?.IntegrationUri)).toMatch(/"Ref":"RelayLive/);
    // What the function returns for `hello` is sent to the client.
    expect(RouteResponseSelectionExpression).toBe(key === '$default' ? '$default' : undefined);
    const sources = propertiesOf('AWS::Lambda::Permission').map(({ SourceArn }) => JSON.stringify(SourceArn));
    expect(sources.filter((source) => source.includes(`/*${key}"`))).toHaveLength(1);
  });

  test('what the function returns for a message is sent to the client, and nothing on other routes', () => {
    const [id] =
      ofType('AWS::ApiGatewayV2::Route').find(([, { Properties }]) => Properties.RouteKey === '$default') ?? [];
    const answered = propertiesOf('AWS::ApiGatewayV2::RouteResponse').map(({ RouteId }) => target(RouteId));
    expect(answered).toHaveLength(2);
    expect(answered).toContain(id);
  });

  test('ping is answered by a mock, and with everything that an answer needs', () => {
    const { Target, RouteResponseSelectionExpression } = route('ping');
    expect(RouteResponseSelectionExpression).toBe('$default');
    expect(template.Resources[target(Target)]?.Properties).toMatchObject({
      IntegrationType: 'MOCK',
      RequestTemplates: { $default: '{"statusCode":200}' },
      TemplateSelectionExpression: '\\$default',
    });
    const [ping] =
      ofType('AWS::ApiGatewayV2::Route').find(([, { Properties }]) => Properties.RouteKey === 'ping') ?? [];
    expect(propertiesOf('AWS::ApiGatewayV2::RouteResponse')).toContainEqual(
      expect.objectContaining({ RouteId: { Ref: ping }, RouteResponseKey: '$default' }),
    );
    expect(propertiesOf('AWS::ApiGatewayV2::IntegrationResponse')).toMatchObject([
      { IntegrationId: { Ref: target(Target) }, ResponseTemplates: { $default: '{"type":"pong"}' } },
    ]);
  });
});

describe('the stage', () => {
  test('is throttled, and logs no messages', () => {
    expect(propertiesOf('AWS::ApiGatewayV2::Stage')).toMatchObject([
      {
        StageName: 'v1',
        DefaultRouteSettings: {
          DataTraceEnabled: false,
          LoggingLevel: 'OFF',
          ThrottlingRateLimit: 5000,
          ThrottlingBurstLimit: 10_000,
        },
      },
    ]);
  });

  test('logs metadata only, to a log group that API Gateway may write without another log policy', () => {
    const [stage] = propertiesOf('AWS::ApiGatewayV2::Stage');
    const { Format, DestinationArn } = Object(stage?.AccessLogSettings);
    const variables = [...String(Format).matchAll(/\$context\.[\w.]+/g)].map(([name]) =>
      name.slice('$context.'.length),
    );
    expect(variables).toEqual([
      'requestId',
      'connectionId',
      'eventType',
      'routeKey',
      'status',
      'integrationLatency',
      'identity.sourceIp',
    ]);
    const group = template.Resources[target(DestinationArn)];
    expect(JSON.stringify(group?.Properties.LogGroupName)).toContain('/aws/vendedlogs/test-sockets-');
    expect([group?.Properties.RetentionInDays, group?.DeletionPolicy]).toEqual([7, 'Retain']);
  });
});

test('a function may send to connections of this stage and end them, and nothing else of API Gateway', () => {
  const statements = policiesOf({ resources: template.Resources }).flatMap((policy) =>
    policy.statements.map((statement) => ({ ...statement, role: policy.role })),
  );
  const granted = statements.filter(({ Action }) => [Action].flat().some((action) => action.startsWith('execute-api')));
  const arn = (method: string) => ({
    'Fn::Join': [
      '',
      [
        'arn:',
        { Ref: 'AWS::Partition' },
        ':execute-api:',
        { Ref: 'AWS::Region' },
        ':',
        { Ref: 'AWS::AccountId' },
        ':',
        { Ref: ofType('AWS::ApiGatewayV2::Api')[0]?.[0] },
        `/v1/${method}/@connections/*`,
      ],
    ],
  });
  expect(granted).toEqual([
    {
      Action: 'execute-api:ManageConnections',
      Effect: 'Allow',
      Resource: [arn('POST'), arn('DELETE')],
      role: expect.stringMatching(/^RelayRole/),
    },
  ]);
});

test('a function gets the addresses', () => {
  const relay = propertiesOf('AWS::Lambda::Function').find(({ Description }) => Description === 'Anima Vault: relay');
  const { ANIMA_SOCKET_URL, ANIMA_CONNECTIONS_URL } = Object(relay?.Environment).Variables;
  expect(JSON.stringify(ANIMA_SOCKET_URL)).toMatch(/"wss:\/\/".*\{"Ref":"SocketApi\w+"\}.*"\/v1"/);
  expect(JSON.stringify(ANIMA_CONNECTIONS_URL)).toMatch(/"https:\/\/".*\{"Ref":"SocketApi\w+"\}.*"\/v1"/);
});

test('each accepted finding of cdk-nag has a reason of one line, and without it the synthesis fails', () => {
  const app = newApp();
  const accepted = app.node
    .findAll()
    .flatMap(({ node }) =>
      node.metadata
        .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
        .flatMap(({ data }) => Object.entries<string>(data).map(([rule, why]) => [node.path, rule, why])),
    );
  expect(
    accepted.map(([at = '', rule = '']) => `${at} ${rule.replace(/^.*AwsSolutions-/, '').replace(/\[.*$/, '')}`),
  ).toEqual([
    'Sockets/Relay/Role IAM5',
    'Sockets/Relay/Role IAM5',
    'Sockets/SocketApi/Api/$connect-Route/Resource APIG4',
    'Sockets/SocketApi/Api/$disconnect-Route/Resource APIG4',
    'Sockets/SocketApi/Api/$default-Route/Resource APIG4',
    'Sockets/SocketApi/Ping APIG4',
  ]);
  for (const [, , why] of accepted) expect(why).toMatch(/^[^\n]{30,120}$/);
  for (const { node } of app.node.findAll()) {
    const kept = node.metadata.filter(({ type }) => type !== Validations.ACKNOWLEDGED_RULES_METADATA_KEY);
    Reflect.set(node, '_metadata', kept);
  }
  expect(() => app.synth()).toThrow(/AwsSolutions-(APIG4|IAM5)/);
});
