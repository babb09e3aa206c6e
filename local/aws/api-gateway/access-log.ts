/**
 * The stage's access log in the template's own format. A variable that is not known here is an error at start.
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
  /** Milliseconds in the function; undefined when none was called. */
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

/** Makes the line for a served request; what has no value is `-`, as at AWS. */
export function compileAccessLog(format: string): (served: ServedRequest) => string {
  const pattern = /\$context\.([\w.]*\w)/g;
  for (const [, name = ''] of format.matchAll(pattern)) {
    if (!Object.hasOwn(logVariables, name)) {
      throw new LocalError(
        `The access log format uses $context.${name}, which this emulator does not know. Nothing was started. ` +
          `Teach it to local/aws/api-gateway/access-log.ts.`,
      );
    }
  }
  return (served) =>
    // A line must stay a line, and JSON stay JSON, whatever a client sends as its user agent.
    format.replaceAll(pattern, (_, name: string) =>
      JSON.stringify(String(logVariables[name]?.(served) ?? '-')).slice(1, -1),
    );
}
