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

/** Values of `$context` variables by name. */
export type LogVariables<Served> = Readonly<Record<string, (served: Served) => string | number | undefined>>;

const logVariables: LogVariables<ServedRequest> = {
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

/** Returns a formatter for the log line of a request. */
export const compileAccessLog = (format: string): ((served: ServedRequest) => string) =>
  compileAccessLogFormat(format, logVariables, 'local/aws/api-gateway/access-log.ts');

/**
 * Compiles the format of an access log. A variable without a value is written as `-`, as on AWS.
 * @param file where a missing variable is to be added
 */
export function compileAccessLogFormat<Served>(
  format: string,
  variables: LogVariables<Served>,
  file: string,
): (served: Served) => string {
  const pattern = /\$context\.([\w.]*\w)/g;
  for (const [, name = ''] of format.matchAll(pattern)) {
    if (!Object.hasOwn(variables, name)) {
      throw new LocalError(
        `The access log format uses $context.${name}, which this emulator does not support. Nothing was started. ` +
          `Add it to ${file}.`,
      );
    }
  }
  return (served) =>
    // Values are escaped, because client input such as the user agent must not break the line or its JSON.
    format.replaceAll(pattern, (_, name: string) =>
      JSON.stringify(String(variables[name]?.(served) ?? '-')).slice(1, -1),
    );
}
