/**
 * The events of a WebSocket API.
 * Source: API Gateway developer guide, "Set up a WebSocket API integration request in API Gateway" and "WebSocket API
 * mapping template reference for API Gateway".
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { JsonObject } from '../../shared/json.ts';
import { commonLogTime, sourceIp } from '../lambda-proxy-event.ts';

export type EventType = 'CONNECT' | 'MESSAGE' | 'DISCONNECT';

/** The data of a connection that its events contain. */
export interface ConnectionIdentity {
  readonly connectionId: string;
  /** Milliseconds since 1970. */
  readonly connectedAt: number;
  readonly sourceIp: string;
  readonly userAgent: string | undefined;
}

/** One execution of a route. */
export interface RouteCall {
  readonly eventType: EventType;
  readonly routeKey: string;
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  readonly connection: ConnectionIdentity;
}

export interface ApiIdentity {
  readonly apiId: string;
  /** `127.0.0.1:8790`. */
  readonly domainName: string;
  readonly stageName: string;
}

/**
 * An ID as AWS creates it: it ends with `=`, which a path must contain percent-encoded.
 */
export const newConnectionId = (): string => `${randomBytes(11).toString('base64url')}=`;

export const newRequestId = (): string => `${randomBytes(11).toString('base64url')}=`;

export const connectionIdentity = (message: IncomingMessage, connectedAt: number): ConnectionIdentity => ({
  connectionId: newConnectionId(),
  connectedAt,
  sourceIp: sourceIp(message),
  userAgent: message.headers['user-agent'],
});

export const connectEvent = (api: ApiIdentity, call: RouteCall, message: IncomingMessage): JsonObject => ({
  ...requestHeaders(message),
  ...queryParameters(message.url ?? ''),
  requestContext: requestContext(api, call),
  isBase64Encoded: false,
});

/** Only text arrives: a binary message closes the connection. */
export const messageEvent = (api: ApiIdentity, call: RouteCall, body: string): JsonObject => ({
  requestContext: { ...requestContext(api, call), messageId: randomUUID() },
  body,
  isBase64Encoded: false,
});

export const disconnectEvent = (api: ApiIdentity, call: RouteCall, code: number, reason: string): JsonObject => ({
  requestContext: { ...requestContext(api, call), disconnectStatusCode: code, disconnectReason: reason },
  isBase64Encoded: false,
});

function requestContext(
  { apiId, domainName, stageName }: ApiIdentity,
  { eventType, routeKey, requestId, receivedAt, connection }: RouteCall,
): JsonObject {
  const { connectionId, connectedAt, sourceIp, userAgent } = connection;
  return {
    routeKey,
    eventType,
    extendedRequestId: requestId,
    requestTime: commonLogTime(new Date(receivedAt)),
    messageDirection: 'IN',
    stage: stageName,
    connectedAt,
    requestTimeEpoch: receivedAt,
    identity: { ...(userAgent !== undefined && { userAgent }), sourceIp },
    requestId,
    domainName,
    connectionId,
    apiId,
  };
}

/** The headers of the upgrade request, with the names as the client wrote them. */
function requestHeaders(message: IncomingMessage): JsonObject {
  const { rawHeaders } = message;
  const sent = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? ''] as const] : []));
  const values = groupByName([
    ...sent,
    ['X-Forwarded-For', sourceIp(message)],
    ['X-Forwarded-Port', String(message.socket.localPort ?? '')],
    ['X-Forwarded-Proto', 'http'],
  ]);
  return { headers: lastOfEach(values), multiValueHeaders: Object.fromEntries(values) };
}

/** Without a query, the event has no members for it. */
function queryParameters(url: string): JsonObject {
  const at = url.indexOf('?');
  if (at < 0) return {};
  const values = groupByName(new URLSearchParams(url.slice(at + 1)));
  return {
    queryStringParameters: lastOfEach(values),
    multiValueQueryStringParameters: Object.fromEntries(values),
  };
}

function groupByName(pairs: Iterable<readonly [string, string]>): ReadonlyMap<string, string[]> {
  const values = new Map<string, string[]>();
  for (const [name, value] of pairs) values.set(name, [...(values.get(name) ?? []), value]);
  return values;
}

const lastOfEach = (values: ReadonlyMap<string, readonly string[]>): Record<string, string> =>
  Object.fromEntries([...values].map(([name, all]) => [name, all.at(-1) ?? '']));
