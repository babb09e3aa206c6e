/**
 * The event of an HTTP API (payload format 2.0) and the function's response to it.
 * Source: API Gateway developer guide, "AWS Lambda proxy integrations for HTTP APIs".
 */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { account } from '../shared/aws-account.ts';
import type { JsonObject } from '../shared/json.ts';
import type { RouteMatch } from './route-matching.ts';

export interface GatewayRequest {
  readonly requestId: string;
  readonly receivedAt: Date;
  /** As sent, percent-encoded, without the query. */
  readonly path: string;
  readonly rawQuery: string;
  /** `127.0.0.1:8787`. */
  readonly domainName: string;
  readonly message: IncomingMessage;
}

export interface IamCaller {
  readonly accessKeyId: string;
  readonly userArn: string;
}

export const apiId = 'local';

/** `path` is percent-decoded: unlike REST APIs, HTTP APIs decode `rawPath` too. */
export function toLambdaEvent(
  request: GatewayRequest,
  path: string,
  match: RouteMatch,
  body: Buffer,
  caller: IamCaller | undefined,
): JsonObject {
  const { message, rawQuery } = request;
  const { cookie, ...headers } = joinHeaders(message);
  const { cookie: cookies } = message.headersDistinct;
  const { text, isBase64Encoded } = encodeBody(body, headers['content-type']);
  return {
    version: '2.0',
    routeKey: match.route.routeKey,
    rawPath: path,
    rawQueryString: rawQuery,
    ...(cookies !== undefined && { cookies: cookies.flatMap((header) => header.split(/; */)) }),
    headers: { ...headers, ...forwardingHeaders(request) },
    ...(rawQuery !== '' && { queryStringParameters: joinQueryParameters(rawQuery) }),
    requestContext: {
      accountId: account.id,
      apiId,
      ...(caller !== undefined && { authorizer: { iam: iamAuthorizerContext(caller) } }),
      domainName: request.domainName,
      domainPrefix: apiId,
      http: {
        method: message.method ?? '',
        path,
        protocol: `HTTP/${message.httpVersion}`,
        sourceIp: sourceIp(message),
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: request.requestId,
      routeKey: match.route.routeKey,
      stage: '$default',
      time: commonLogTime(request.receivedAt),
      timeEpoch: request.receivedAt.getTime(),
    },
    ...(match.pathParameters !== undefined && { pathParameters: { ...match.pathParameters } }),
    ...(body.length > 0 && { body: text }),
    isBase64Encoded,
  };
}

export const sourceIp = (message: IncomingMessage): string => message.socket.remoteAddress ?? '';

/** `12/Mar/2020:19:03:58 +0000`. */
export function commonLogTime(date: Date): string {
  const [, day, month, year, time] = date.toUTCString().split(' ');
  return `${day}/${month}/${year}:${time} +0000`;
}

function joinHeaders(message: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(message.headersDistinct).map(([name, values]) => [name, (values ?? []).join(',')]),
  );
}

function forwardingHeaders({ message, requestId }: GatewayRequest): Record<string, string> {
  const before = message.headers['x-forwarded-for'];
  return {
    'x-forwarded-for': before === undefined ? sourceIp(message) : `${String(before)}, ${sourceIp(message)}`,
    'x-forwarded-port': String(message.socket.localPort ?? ''),
    'x-forwarded-proto': 'http',
    'x-amzn-trace-id': `Root=${requestId}`,
  };
}

function joinQueryParameters(rawQuery: string): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(rawQuery)) {
    const before = Object.hasOwn(query, name) ? query[name] : undefined;
    query[name] = before === undefined ? value : `${before},${value}`;
  }
  return query;
}

// A body that is not UTF-8 is sent as base64, whatever its content type, because decoding it to a string would change
// it.
function encodeBody(body: Buffer, contentType = ''): { text: string; isBase64Encoded: boolean } {
  const isText = /^(text\/|application\/(json|javascript|xml)\b|application\/[\w.-]+\+(json|xml)\b)/i.test(contentType);
  const asText = body.length === 0 || (isText && isUtf8(body));
  return { text: body.toString(asText ? 'utf8' : 'base64'), isBase64Encoded: !asText };
}

const iamAuthorizerContext = ({ accessKeyId, userArn }: IamCaller): JsonObject => ({
  accessKey: accessKeyId,
  accountId: account.id,
  callerId: accessKeyId,
  cognitoIdentity: null,
  principalOrgId: null,
  userArn,
  userId: accessKeyId,
});

const functionResponseSchema = z.object({
  statusCode: z.coerce.number().int().min(200).max(599),
  headers: z.record(z.string(), z.coerce.string()).default({}),
  cookies: z.array(z.string()).default([]),
  body: z.string().default(''),
  isBase64Encoded: z.boolean().default(false),
});

export interface GatewayResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer;
}

// The gateway sets connection headers itself.
const connectionHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'transfer-encoding',
]);

/** Converts a function's result (JSON) to the gateway's response; undefined if the result has an invalid format. */
export function toGatewayResponse(payload: string): GatewayResponse | undefined {
  const result: unknown = JSON.parse(payload);
  if (typeof result !== 'object' || result === null || !('statusCode' in result)) {
    const body = typeof result === 'string' ? result : payload;
    return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(body) };
  }
  const parsed = functionResponseSchema.safeParse(result);
  if (!parsed.success) return undefined;
  const { statusCode, headers, cookies, body, isBase64Encoded } = parsed.data;
  const kept = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !connectionHeaders.has(name));
  return {
    status: statusCode,
    headers: {
      ...(body !== '' && { 'content-type': 'text/plain;charset=UTF-8' }),
      ...Object.fromEntries(kept),
      ...(cookies.length > 0 && { 'set-cookie': cookies }),
    },
    body: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
  };
}
