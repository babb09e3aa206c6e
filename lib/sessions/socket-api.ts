import { Fn, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  CfnIntegration,
  CfnIntegrationResponse,
  CfnRoute,
  CfnRouteResponse,
  CfnStage,
  type IApi,
  LogGroupLogDestination,
  WebSocketApi,
  WebSocketStage,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { WebSocketLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { ApiDomain } from '../operations/api-domain.ts';
import { uniqueLogGroupName } from '../operations/log-group-names.ts';
import type { DeploymentSettings } from '../shared/deployment-settings.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

interface SocketApiProps {
  readonly name: string;
  readonly settings: Pick<DeploymentSettings, 'logRetention' | 'requestsPerSecond' | 'socketDomain'>;
  /** Handles `$connect`, `$disconnect` and every message but the ping. */
  readonly relay: VaultFunction;
}

const stageName = 'v1';

/** The property of a message that names its type. */
const routeSelection = '$request.body.type';

/** Metadata only. Queries and headers are not logged, because the subprotocol header contains the ticket. */
const accessLogFormat = AccessLogFormat.custom(
  JSON.stringify({
    requestId: '$context.requestId',
    connectionId: '$context.connectionId',
    eventType: '$context.eventType',
    routeKey: '$context.routeKey',
    status: '$context.status',
    latency: '$context.integrationLatency',
    ip: '$context.identity.sourceIp',
  }),
);

const openBecause = {
  connect: 'The function consumes the single-use ticket of the request. An authorizer would have to do the same.',
  established: 'API Gateway authorizes connections at $connect only. Messages belong to an established connection.',
};

/**
 * The WebSocket API of session custody: `$connect`, `$disconnect` and `$default` invoke the relay; `ping` is answered with
 * `{"type":"pong"}` by a mock integration, without an invocation.
 *
 * API Gateway writes the access log with the role in the account settings, which must exist before the deployment
 * (API Gateway developer guide, "Set up CloudWatch logging for WebSocket APIs"). There is one role per account and
 * region, so this construct does not create it. Execution logs are off, because they would contain messages.
 */
export class SocketApi extends Construct {
  /** The URL that clients open: `wss://…/v1`, or `wss://` and the domain of the settings. */
  readonly url: string;
  /** The origin of {@link url}, for the policy of a page. */
  readonly origin: string;
  /** Base URL of the management API of connections, `https://…/v1`. */
  readonly connectionsUrl: string;
  /** The domain of the settings. */
  readonly domain: ApiDomain | undefined;
  private readonly api: WebSocketApi;

  constructor(scope: Construct, id: string, { name, settings, relay }: SocketApiProps) {
    super(scope, id);
    // An integration has the permission to invoke the function for one route only.
    const toRelay = () => ({ integration: new WebSocketLambdaIntegration('ToRelay', relay.target) });
    this.api = new WebSocketApi(this, 'Api', {
      apiName: `${name}-sockets`,
      routeSelectionExpression: routeSelection,
      connectRouteOptions: toRelay(),
      disconnectRouteOptions: toRelay(),
      // What the function returns is the frame that answers `hello`.
      defaultRouteOptions: { ...toRelay(), returnResponse: true },
    });
    this.addPing();
    for (const route of this.node.findAll().filter((construct) => construct instanceof CfnRoute)) {
      const reason = route.routeKey === '$connect' ? openBecause.connect : openBecause.established;
      Validations.of(route).acknowledge({ id: 'AwsSolutions-APIG4', reason });
    }
    const stage = this.addStage(name, settings);
    const { socketDomain } = settings;
    // The address of API Gateway stays enabled: the notifier calls the management API there.
    this.domain = socketDomain && new ApiDomain(this, 'Domain', { ...socketDomain, api: this.api as IApi, stage });
    this.url = socketDomain === undefined ? stage.url : `wss://${socketDomain.name}`;
    this.origin = socketDomain === undefined ? `wss://${Fn.select(2, Fn.split('/', stage.url))}` : this.url;
    this.connectionsUrl = stage.callbackUrl;
  }

  /** Sets the address that clients open in the environment of a function. */
  tellAddress(fn: VaultFunction): void {
    fn.set(functionEnv.socketUrl, this.url);
  }

  /** Allows a function to send messages to connections and to end them, and sets their address in its environment. */
  grantConnections(fn: VaultFunction): void {
    const connections = (method: string) =>
      Stack.of(this).formatArn({
        service: 'execute-api',
        resource: this.api.apiId,
        resourceName: `${stageName}/${method}/@connections/*`,
      });
    const methods = ['POST', 'DELETE'];
    fn.allow(new PolicyStatement({ actions: ['execute-api:ManageConnections'], resources: methods.map(connections) }));
    const [apiId] = Object.values<string>(Stack.of(this).resolve(this.api.apiId));
    for (const method of methods) {
      Validations.of(fn.role).acknowledge({
        id:
          `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:` +
          `<${apiId}>/${stageName}/${method}/@connections/*]`,
        reason: 'The ID of a connection is created at run time. The permission covers this API only.',
      });
    }
    fn.set(functionEnv.connectionsUrl, this.connectionsUrl);
  }

  private addPing(): void {
    const { apiId } = this.api;
    const template = { templateSelectionExpression: '\\$default' };
    const integration = new CfnIntegration(this, 'Pong', {
      apiId,
      integrationType: 'MOCK',
      requestTemplates: { $default: JSON.stringify({ statusCode: 200 }) },
      ...template,
    });
    new CfnIntegrationResponse(this, 'PongBody', {
      apiId,
      integrationId: integration.ref,
      integrationResponseKey: '$default',
      responseTemplates: { $default: JSON.stringify({ type: 'pong' }) },
      ...template,
    });
    const route = new CfnRoute(this, 'Ping', {
      apiId,
      routeKey: 'ping',
      authorizationType: 'NONE',
      target: Fn.join('/', ['integrations', integration.ref]),
      // Both are needed for an answer (API Gateway developer guide, "Set up route responses for WebSocket APIs").
      routeResponseSelectionExpression: '$default',
    });
    new CfnRouteResponse(this, 'PingAnswer', { apiId, routeId: route.ref, routeResponseKey: '$default' });
  }

  private addStage(name: string, { logRetention, requestsPerSecond }: SocketApiProps['settings']): WebSocketStage {
    const log = new LogGroup(this, 'AccessLog', {
      // API Gateway adds other log groups to the account's log policy one by one, until the policy is too large.
      logGroupName: uniqueLogGroupName(`/aws/vendedlogs/${name}-sockets`),
      retention: logRetention,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const stage = new WebSocketStage(this, 'Stage', {
      webSocketApi: this.api,
      stageName,
      autoDeploy: true,
      throttle: { rateLimit: requestsPerSecond, burstLimit: 2 * requestsPerSecond },
      accessLogSettings: { destination: new LogGroupLogDestination(log), format: accessLogFormat },
    });
    const { defaultChild } = stage.node;
    if (!(defaultChild instanceof CfnStage)) throw new Error('The stage has no CfnStage. Nothing was synthesized.');
    defaultChild.addPropertyOverride('DefaultRouteSettings.DataTraceEnabled', false);
    defaultChild.addPropertyOverride('DefaultRouteSettings.LoggingLevel', 'OFF');
    return stage;
  }
}
