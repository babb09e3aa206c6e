/**
 * The stage's access log in the format that the template sets. An unsupported variable is an error at start.
 * Source: API Gateway developer guide, "Customize HTTP API access logs".
 */
import { account } from '../shared/aws-account.ts';
import { LocalError } from '../shared/errors.ts';
import { apiId, commonLogTime, type GatewayRequest, sourceIp } from './lambda-proxy-event.ts';

export interface ServedRequest {
  readonly request: GatewayRequest;
  readonly routeKey: string | undefined;
  readonly status: number;
  readonly responseBytes: number;
  readonly responseMs: number;
  /** Milliseconds spent in the function; undefined if no function was invoked. */
  readonly integrationMs: number | undefined;
}

type LogVariable = (served: ServedRequest) => string | number | undefined;

const logVariables: Record<string, LogVariable> = {
  accountId: () => account.id,
  apiId: () => apiId,
  domainName: ({ request }) => request.domainName,
  stage: () => '$default',
  requestId: ({ request }) => request.requestId,
  extendedRequestId: ({ request }) => request.requestId,
  requestTime: ({ request }) => commonLogTime(request.receivedAt),
  requestTimeEpoch: ({ request }) => request.receivedAt.getTime(),
  routeKey: ({ routeKey }) => routeKey,
  httpMethod: ({ request }) => request.message.method,
  path: ({ request }) => request.path,
  protocol: ({ request }) => `HTTP/${request.message.httpVersion}`,
  'identity.sourceIp': ({ request }) => sourceIp(request.message),
  'identity.userAgent': ({ request }) => request.message.headers['user-agent'],
  status: ({ status }) => status,
  responseLength: ({ responseBytes }) => responseBytes,
  responseLatency: ({ responseMs }) => responseMs,
  integrationLatency: ({ integrationMs }) => integrationMs,
  'integration.latency': ({ integrationMs }) => integrationMs,
};

/** Returns a formatter for the log line of a request. A variable without a value is written as `-`, as on AWS. */
export function compileAccessLog(format: string): (served: ServedRequest) => string {
  const pattern = /\$context\.([\w.]*\w)/g;
  for (const [, name = ''] of format.matchAll(pattern)) {
    if (!Object.hasOwn(logVariables, name)) {
      throw new LocalError(
        `The access log format uses $context.${name}, which this emulator does not support. Nothing was started. ` +
          `Add it to local/aws/api-gateway/access-log.ts.`,
      );
    }
  }
  return (served) =>
    // Values are escaped, because client input such as the user agent must not break the line or its JSON.
    format.replaceAll(pattern, (_, name: string) =>
      JSON.stringify(String(logVariables[name]?.(served) ?? '-')).slice(1, -1),
    );
}
