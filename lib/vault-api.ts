import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
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
import { type RouteAuth, type RouteGroup, type RouteId, routeGroups, routes } from '../contract/routes.ts';
import { callerHeaders } from '../contract/shared/environment-variables.ts';
import type { DeploymentSettings } from './shared/deployment-settings.ts';
import type { VaultFunction } from './shared/vault-function.ts';

interface VaultApiProps {
  readonly name: string;
  readonly settings: DeploymentSettings;
  readonly functions: Readonly<Record<RouteGroup, VaultFunction>>;
}

/** What a page may send and read across origins: the client's own headers; when to come back, and what to report. */
const corsRequestHeaders = ['authorization', 'content-type', 'x-anima-client', ...Object.values(callerHeaders)];
const corsResponseHeaders = ['retry-after', 'x-request-id', 'apigw-requestid'];

/** Requests per second of the deployment: a bound on cost, and on its share of the account's KMS quota. */
const throttle = { rateLimit: 500, burstLimit: 1000 };

/** Metadata only. No path, query or header: names of values and keys travel in them. */
const accessLogFormat = AccessLogFormat.custom(
  JSON.stringify({
    requestId: '$context.requestId',
    routeKey: '$context.routeKey',
    status: '$context.status',
    latency: '$context.responseLatency',
    ip: '$context.identity.sourceIp',
  }),
);

/** How API Gateway guards the routes of each kind, and why it is enough where it does not guard at all. */
const authorizers: Record<RouteAuth, { authorizer: IHttpRouteAuthorizer; openBecause?: string }> = {
  iam: { authorizer: new HttpIamAuthorizer() },
  'api-key': {
    authorizer: new HttpNoneAuthorizer(),
    openBecause: 'The function checks the API key by a consistent read; a cached authorizer would honour revoked keys.',
  },
  user: {
    authorizer: new HttpNoneAuthorizer(),
    openBecause: "The function opens a slot by what the request carries; nothing else could open the user's data.",
  },
  signature: {
    authorizer: new HttpNoneAuthorizer(),
    openBecause: "The function checks the provider's signature, which covers the body as it was sent.",
  },
  none: {
    authorizer: new HttpNoneAuthorizer(),
    openBecause: 'Public by intent: the API description and the answer to unknown routes hold nothing of any org.',
  },
};

/**
 * The HTTP API: every route of the contract to the function of its group, all else to the public function. It takes TLS 1.2
 * and 1.3, and no policy can demand 1.3: those are for REST APIs (API Gateway developer guide, "Security policy for HTTP APIs";
 * docs/guide-operator.md, "TLS at the edge").
 */
export class VaultApi extends Construct {
  /** `https://…`, without a slash at the end. */
  readonly url: string;
  private readonly api: HttpApi;
  private readonly integrations: ReadonlyMap<RouteGroup, HttpLambdaIntegration>;

  constructor(scope: Construct, id: string, props: VaultApiProps) {
    super(scope, id);
    this.api = new HttpApi(this, 'Http', {
      apiName: props.name,
      createDefaultStage: false,
      corsPreflight: {
        allowOrigins: [...props.settings.corsOrigins],
        allowMethods: corsMethods(),
        allowHeaders: corsRequestHeaders,
        exposeHeaders: corsResponseHeaders,
        maxAge: Duration.hours(1),
      },
    });
    this.url = this.api.apiEndpoint;
    this.integrations = new Map(
      routeGroups.map((group) => [group, new HttpLambdaIntegration(`To-${group}`, props.functions[group].lambda)]),
    );
    this.addStage(props.settings);
    for (const id of routeIds) this.addRoute(id);
    this.route('Default', HttpRouteKey.DEFAULT, 'public', 'none');
  }

  private addStage(settings: DeploymentSettings): void {
    const log = new LogGroup(this, 'AccessLog', {
      retention: settings.logRetention,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle,
      accessLogSettings: { destination: new LogGroupLogDestination(log), format: accessLogFormat },
    });
  }

  private addRoute(id: RouteId): void {
    const { method, path, group, auth } = routes[id];
    this.route(id, HttpRouteKey.with(path, HttpMethod[method]), group, auth);
  }

  private route(id: string, routeKey: HttpRouteKey, group: RouteGroup, auth: RouteAuth): void {
    const integration = this.integrations.get(group);
    if (integration === undefined) throw new Error(`No function serves the group ${group} of the route ${id}.`);
    const { authorizer, openBecause } = authorizers[auth];
    const route = new HttpRoute(this, id, { httpApi: this.api, routeKey, integration, authorizer });
    if (openBecause !== undefined) {
      Validations.of(route).acknowledge({ id: 'AwsSolutions-APIG4', reason: openBecause });
    }
  }
}

const routeIds = Object.keys(routes).filter((id): id is RouteId => id in routes);

const corsMethods = (): CorsHttpMethod[] => [...new Set(routeIds.map((id) => CorsHttpMethod[routes[id].method]))];
