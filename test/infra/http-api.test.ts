import { beforeAll, describe, expect, test } from 'vitest';
import { type RouteGroup, type RouteId, routeGroups, routeKey, routes } from '../../contract/routes.ts';
import {
  aliasOf,
  apiOf,
  appForTest,
  ofType,
  type Resource,
  type Synthesized,
  stageOf,
  synthesize,
  target,
} from './synthesized-template.ts';

let template: Synthesized;

beforeAll(() => {
  template = synthesize(appForTest({ corsOrigins: 'https://a.example, http://localhost:5173' }));
});

const routeIds = Object.keys(routes).filter((id): id is RouteId => id in routes);

const deployed = (key: string): Resource => {
  const found = ofType(template, 'AWS::ApiGatewayV2::Route').find(([, route]) => route.Properties.RouteKey === key);
  if (found === undefined) throw new Error(`no route ${key}`);
  return found[1];
};

/** Logical ID of the alias that a route invokes. */
const aliasBehind = (route: Resource): string => {
  const integration = template.resources[target(route.Properties.Target)];
  expect(integration?.Properties).toMatchObject({ IntegrationType: 'AWS_PROXY', PayloadFormatVersion: '2.0' });
  return target(integration?.Properties.IntegrationUri);
};

const authorization = {
  iam: 'AWS_IAM',
  'api-key': 'NONE',
  user: 'NONE',
  device: 'NONE',
  'session-device': 'NONE',
  invite: 'NONE',
  signature: 'NONE',
  none: 'NONE',
};

describe('routes', () => {
  test.each(routeIds)('%s is deployed with its authorization, to the function of its group', (id) => {
    const route = deployed(routeKey(id));
    expect(route.Properties.AuthorizationType).toBe(authorization[routes[id].auth]);
    expect(aliasBehind(route)).toBe(aliasOf(template, routes[id].group)[0]);
  });

  test('what matches none ends at the public function, and nothing else is deployed', () => {
    expect(aliasBehind(deployed('$default'))).toBe(aliasOf(template, 'public')[0]);
    const [api] = apiOf(template, 'HTTP');
    const ofApi = ofType(template, 'AWS::ApiGatewayV2::Route').filter(
      ([, one]) => target(one.Properties.ApiId) === api,
    );
    expect(ofApi).toHaveLength(routeIds.length + 1);
  });

  test('a function may be invoked by this API only, the public one for its routes only, and the sealer by its schedule', () => {
    const all = ofType(template, 'AWS::Lambda::Permission').map(([, { Properties }]) => Properties);
    const scheduled = all.filter(({ Principal }) => Principal === 'events.amazonaws.com');
    expect(scheduled.map(({ FunctionName }) => target(FunctionName))).toEqual([aliasOf(template, 'sealer')[0]]);
    // The WebSocket API invokes the relay, for each of its routes.
    const [sockets] = apiOf(template, 'WEBSOCKET');
    const connected = all.filter(({ SourceArn }) => JSON.stringify(SourceArn).includes(`{"Ref":"${sockets}"}`));
    expect(new Set(connected.map(({ FunctionName }) => target(FunctionName)))).toEqual(
      new Set([aliasOf(template, 'relay')[0]]),
    );
    expect(connected).toHaveLength(3);
    const permissions = all.filter((permission) => !scheduled.includes(permission) && !connected.includes(permission));
    const invoked = permissions.map(({ FunctionName, SourceArn }) => {
      expect(JSON.stringify(SourceArn)).toContain(`{"Ref":"${apiOf(template, 'HTTP')[0]}"}`);
      return `${target(FunctionName)} ${/"(\/\*\/\*[^"]*)"/.exec(JSON.stringify(SourceArn))?.[1]}`;
    });
    const line = (group: RouteGroup, path: string): string => `${aliasOf(template, group)[0]} /*/*${path}`;
    const ofPublic = routeIds
      .filter((id) => routes[id].group === 'public')
      .map((id) => line('public', routes[id].path));
    const ofOthers = routeGroups.filter((group) => group !== 'public').map((group) => line(group, '/*'));
    expect(invoked.sort()).toEqual([...ofOthers, ...ofPublic, line('public', '')].sort());
  });
});

describe('the stage', () => {
  test('logs metadata only: no path, no query, no header', () => {
    const settings = stageOf(template, 'HTTP')[1].Properties.AccessLogSettings;
    const format = JSON.stringify(settings);
    expect([...format.matchAll(/\$context\.[\w.]+/g)].map(([variable]) => variable)).toEqual([
      '$context.requestId',
      '$context.routeKey',
      '$context.status',
      '$context.responseLatency',
      '$context.identity.sourceIp',
    ]);
  });

  test('is throttled and deploys by itself', () => {
    expect(stageOf(template, 'HTTP')[1].Properties).toMatchObject({
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 500, ThrottlingBurstLimit: 1000 },
    });
  });

  test('has a lower throttle for logins, which compute for strangers, and knows the route before the setting', () => {
    const [, { Properties, DependsOn }] = stageOf(template, 'HTTP');
    const settings = Properties.RouteSettings as Record<string, unknown>;
    const onLinks = ['denial', 'filling', 'look'].map((verb) => `POST /v1/secret-links/{link}/${verb}`);
    const limited = ['POST /v1/login/aws', 'POST /v1/login/oidc', ...onLinks, 'POST /v1/sessions'];
    expect(Object.keys(settings).sort()).toEqual(limited);
    for (const key of limited) {
      expect(settings[key]).toEqual({ ThrottlingRateLimit: 50, ThrottlingBurstLimit: 100 });
      const routes = ofType(template, 'AWS::ApiGatewayV2::Route');
      const [id] = routes.find(([, route]) => route.Properties.RouteKey === key) ?? [''];
      expect([DependsOn].flat()).toContain(id);
    }
  });
});

describe('cross-origin calls', () => {
  test('are for the origins of the setting, with the headers of the client and every method of the contract', () => {
    const cors = apiOf(template, 'HTTP')[1].Properties.CorsConfiguration;
    expect(cors).toMatchObject({
      AllowOrigins: ['https://a.example', 'http://localhost:5173'],
      AllowHeaders: [
        'authorization',
        'content-type',
        'if-match',
        'if-none-match',
        'content-digest',
        'signature',
        'signature-input',
        'x-anima-client',
        'x-anima-agent',
        'x-anima-run',
        'x-anima-tool-call',
      ],
      AllowMethods: [...new Set(routeIds.map((id) => routes[id].method))],
      ExposeHeaders: ['allow', 'date', 'etag', 'retry-after', 'x-request-id', 'apigw-requestid'],
    });
    expect(cors).not.toHaveProperty('AllowCredentials');
  });
});

test('the address and the names of what holds data are told', () => {
  expect(Object.keys(template.outputs).sort()).toEqual([
    'ApiKeyTable',
    'ApprovalTable',
    'AuditTable',
    'BlobBucket',
    'BlobTable',
    'BrokerKeyArn',
    'BrokerTable',
    'DeviceLogTable',
    'DeviceRosterTable',
    'DirectoryTable',
    'FailureQueueUrl',
    'KekArn',
    'KeyringTable',
    'LockedBucket',
    'LoginTable',
    'MailboxTable',
    'PageUrl',
    'PushKeyArn',
    'RotationTable',
    'SecretRequestTable',
    'SigningKeyArn',
    'SocketUrl',
    'Url',
    'UserKeyringTable',
    'UserRecordTable',
    'ValueTable',
  ]);
});
