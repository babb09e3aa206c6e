import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  CfnStage,
  CorsHttpMethod,
  HttpApi,
  HttpMethod,
  HttpNoneAuthorizer,
  HttpRoute,
  HttpRouteKey,
  HttpStage,
  type IHttpRouteAuthorizer,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { type RouteAuth, type RouteGroup, type RouteId, routeGroups, routeKey, routes } from '../contract/routes.ts';
import { callerHeaders } from '../contract/shared/environment-variables.ts';
import { ApiDomain } from './operations/api-domain.ts';
import { uniqueLogGroupName } from './operations/log-group-names.ts';
import type { DeploymentSettings } from './shared/deployment-settings.ts';
import type { VaultFunction } from './shared/vault-function.ts';

interface VaultApiProps {
  readonly name: string;
  readonly settings: DeploymentSettings;
  readonly functions: Readonly<Record<RouteGroup, VaultFunction>>;
}

/**
 * Request headers that a cross-origin page can send. Response headers for retries, conditional writes and error reports
 * are exposed to it.
 */
const corsRequestHeaders = [
  'authorization',
  'content-type',
  'if-match',
  'if-none-match',
  'content-digest',
  'signature',
  'signature-input',
  'x-anima-client',
  ...Object.values(callerHeaders),
];
const corsResponseHeaders = ['allow', 'date', 'etag', 'retry-after', 'x-request-id', 'apigw-requestid'];

/** Maximum requests per second of all organizations. Limits the cost and the share of the account's KMS quota. */
const throttleOf = ({ requestsPerSecond }: DeploymentSettings) => ({
  rateLimit: requestsPerSecond,
  burstLimit: 2 * requestsPerSecond,
});

/**
 * Lower limits for routes that compute for callers without a credential, so that a flood of logins leaves the capacity
 * of the other routes. The limits per address and organization are in the function (lambdas/users/attempt-limits.ts).
 */
const routeThrottles: Partial<Record<RouteId, ReturnType<typeof throttleOf>>> = {
  logIn: { rateLimit: 50, burstLimit: 100 },
  logInWithOidc: { rateLimit: 50, burstLimit: 100 },
  logInWithAws: { rateLimit: 50, burstLimit: 100 },
  lookAtSecretRequest: { rateLimit: 50, burstLimit: 100 },
  fillSecretRequest: { rateLimit: 50, burstLimit: 100 },
  denySecretRequest: { rateLimit: 50, burstLimit: 100 },
};

/** Metadata only. Paths, queries and headers are not logged, because they contain value names and keys. */
const accessLogFormat = AccessLogFormat.custom(
  JSON.stringify({
    requestId: '$context.requestId',
    routeKey: '$context.routeKey',
    status: '$context.status',
    latency: '$context.responseLatency',
    ip: '$context.identity.sourceIp',
  }),
);

/** The authorizer of each kind of route. A route without an authorizer has the reason why none is needed. */
const authorizers: Record<RouteAuth, { authorizer: IHttpRouteAuthorizer; openBecause?: string }> = {
  iam: { authorizer: new HttpIamAuthorizer() },
  'api-key': {
    authorizer: new HttpNoneAuthorizer(),
    openBecause:
      'The function checks the API key with a consistent read. A caching authorizer would accept revoked keys.',
  },
  user: {
    authorizer: new HttpNoneAuthorizer(),
    openBecause:
      "The function unlocks a key slot with the credential in the request. Nothing else can decrypt the user's data.",
  },
  device: {
    authorizer: new HttpNoneAuthorizer(),
    openBecause: 'The function checks the signature of a member of the device vault, with a consistent read.',
  },
  'session-device': {
    authorizer: new HttpNoneAuthorizer(),
    openBecause: 'The function checks the signature of a device of the directory, with a consistent read.',
  },
  invite: {
    authorizer: new HttpNoneAuthorizer(),
    openBecause: 'The function checks the lookup value of the invite, which only the invited device can compute.',
  },
  signature: {
    authorizer: new HttpNoneAuthorizer(),
    openBecause: "The function checks the provider's signature, which covers the raw body.",
  },
  none: {
    authorizer: new HttpNoneAuthorizer(),
    openBecause: 'Public by design: the API description and the response to unknown routes contain no data of any org.',
  },
};

/**
 * The HTTP API. It routes every route of the contract to the function of its group, and all other requests to the
 * public function. It accepts TLS 1.2 and 1.3. Only REST APIs can require TLS 1.3 (API Gateway developer guide,
 * "Security policy for HTTP APIs"; docs/guide-operator.md, "TLS at the edge").
 */
export class VaultApi extends Construct {
  /** `https://…`, without a trailing slash. */
  readonly url: string;
  /** ID of the API, for metrics. */
  readonly id: string;
  /** The domain of the settings. */
  readonly domain: ApiDomain | undefined;
  private readonly api: HttpApi;
  private readonly integrations: ReadonlyMap<RouteGroup, HttpLambdaIntegration>;

  constructor(scope: Construct, id: string, props: VaultApiProps) {
    super(scope, id);
    const { apiDomain: domain } = props.settings;
    this.api = new HttpApi(this, 'Http', {
      apiName: props.name,
      createDefaultStage: false,
      disableExecuteApiEndpoint: domain !== undefined,
      corsPreflight: {
        allowOrigins: [...props.settings.corsOrigins],
        allowMethods: corsMethods(),
        allowHeaders: corsRequestHeaders,
        exposeHeaders: corsResponseHeaders,
        maxAge: Duration.hours(1),
      },
    });
    this.integrations = new Map(
      routeGroups.map((group) => [
        group,
        new HttpLambdaIntegration(`To-${group}`, props.functions[group].target, {
          // One permission for each function: one for each route would exceed the 500 resources of a stack. Anyone who can
          // add a route to the API can also change the authorizer and the target of the routes that exist. The function
          // of $default needs its own, because the ARN of that route has no path.
          scopePermissionToRoute: group === 'public',
        }),
      ]),
    );
    const stage = this.addStage(props.name, props.settings);
    this.id = this.api.apiId;
    this.domain = domain && new ApiDomain(this, 'Domain', { ...domain, api: this.api, stage });
    this.url = this.domain?.url ?? this.api.apiEndpoint;
    for (const id of routeIds) {
      const route = this.addRoute(id);
      const limit = routeThrottles[id];
      if (limit !== undefined) throttleRoute(stage, route, routeKey(id), limit);
    }
    this.route('Default', HttpRouteKey.DEFAULT, 'public', 'none');
  }

  private addStage(name: string, settings: DeploymentSettings): HttpStage {
    const log = new LogGroup(this, 'AccessLog', {
      // API Gateway adds other log groups to the account's log policy one by one, until the policy is too large.
      logGroupName: uniqueLogGroupName(`/aws/vendedlogs/${name}-api`),
      retention: settings.logRetention,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    return new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle: throttleOf(settings),
      accessLogSettings: { destination: new LogGroupLogDestination(log), format: accessLogFormat },
    });
  }

  private addRoute(id: RouteId): HttpRoute {
    const { method, path, group, auth } = routes[id];
    return this.route(id, HttpRouteKey.with(path, HttpMethod[method]), group, auth);
  }

  private route(id: string, routeKey: HttpRouteKey, group: RouteGroup, auth: RouteAuth): HttpRoute {
    const integration = this.integrations.get(group);
    if (integration === undefined)
      throw new Error(`There is no function for the group ${group} of the route ${id}. Nothing was synthesized.`);
    const { authorizer, openBecause } = authorizers[auth];
    const route = new HttpRoute(this, id, { httpApi: this.api, routeKey, integration, authorizer });
    if (openBecause !== undefined) {
      Validations.of(route).acknowledge({ id: 'AwsSolutions-APIG4', reason: openBecause });
    }
    return route;
  }
}

/** API Gateway refuses settings of a route that does not exist yet, so the stage depends on the route. */
function throttleRoute(
  stage: HttpStage,
  route: HttpRoute,
  key: string,
  { rateLimit, burstLimit }: ReturnType<typeof throttleOf>,
): void {
  const { defaultChild } = stage.node;
  if (!(defaultChild instanceof CfnStage)) throw new Error('The stage has no CfnStage. Nothing was synthesized.');
  defaultChild.addPropertyOverride(`RouteSettings.${key}`, {
    ThrottlingRateLimit: rateLimit,
    ThrottlingBurstLimit: burstLimit,
  });
  stage.node.addDependency(route);
}

const routeIds = Object.keys(routes).filter((id): id is RouteId => id in routes);

const corsMethods = (): CorsHttpMethod[] => [...new Set(routeIds.map((id) => CorsHttpMethod[routes[id].method]))];
