/**
 * The access log of a WebSocket API. No variable contains a header, a query or a message, because tickets can be in all
 * of these. Source: API Gateway developer guide, "Monitor WebSocket API execution with CloudWatch logs" and "WebSocket
 * API mapping template reference for API Gateway".
 */
import { account } from '../../shared/aws-account.ts';
import { compileAccessLogFormat, type LogVariables } from '../access-log.ts';
import { commonLogTime } from '../lambda-proxy-event.ts';
import type { ApiIdentity, RouteCall } from './socket-event.ts';

export interface LoggedCall {
  readonly api: ApiIdentity;
  readonly call: RouteCall;
  readonly status: number;
  /** Undefined if no integration was executed. */
  readonly integrationMs: number | undefined;
}

const logVariables: LogVariables<LoggedCall> = {
  accountId: () => account.id,
  apiId: ({ api }) => api.apiId,
  domainName: ({ api }) => api.domainName,
  stage: ({ api }) => api.stageName,
  connectedAt: ({ call }) => call.connection.connectedAt,
  connectionId: ({ call }) => call.connection.connectionId,
  eventType: ({ call }) => call.eventType,
  extendedRequestId: ({ call }) => call.requestId,
  requestId: ({ call }) => call.requestId,
  requestTime: ({ call }) => commonLogTime(new Date(call.receivedAt)),
  requestTimeEpoch: ({ call }) => call.receivedAt,
  routeKey: ({ call }) => call.routeKey,
  'identity.sourceIp': ({ call }) => call.connection.sourceIp,
  'identity.userAgent': ({ call }) => call.connection.userAgent,
  status: ({ status }) => status,
  integrationLatency: ({ integrationMs }) => integrationMs,
  'integration.latency': ({ integrationMs }) => integrationMs,
};

export const compileSocketAccessLog = (format: string): ((call: LoggedCall) => string) =>
  compileAccessLogFormat(format, logVariables, 'local/aws/api-gateway/sockets/socket-access-log.ts');
