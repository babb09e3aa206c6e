/** An API Gateway HTTP API on one machine: route, authorize, invoke, answer, log. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Deployment, RouteSpec } from '../cloudformation/deployment-spec.ts';
import type { CredentialStore } from '../iam/credential-store.ts';
import { verifySignature } from '../iam/signature-v4.ts';
import type { InvocationOutcome } from '../lambda/execution-environment.ts';
import type { FunctionDirectory } from '../lambda/function-directory.ts';
import { failureLine } from '../shared/failure-log-line.ts';
import type { Logs } from '../shared/log-streams.ts';
import { readBody } from '../shared/loopback-server.ts';
import { contain } from '../shared/uncaught-errors.ts';
import { compileAccessLog } from './access-log.ts';
import { applyCorsHeaders, preflightResponse } from './api-cors.ts';
import {
  type GatewayRequest,
  type GatewayResponse,
  type IamCaller,
  toGatewayResponse,
  toLambdaEvent,
} from './lambda-proxy-event.ts';
import { createRouter, percentDecode, type RouteMatch } from './route-matching.ts';

const maxBodyBytes = 10 * 1024 * 1024;

/**
 * Maximum size of the request line and all header values. Source: API Gateway developer guide, "Quotas for configuring
 * and running an HTTP API".
 */
const maxHeaderBytes = 10_240;

export interface HttpApiOptions {
  readonly deployment: Deployment;
  readonly functions: Pick<FunctionDirectory, 'invoke'>;
  readonly credentials: CredentialStore;
  /** The only principal that is allowed to call routes with IAM authorization. Function roles are rejected. */
  readonly operatorName: string;
  readonly domainName: string;
  readonly logs: Logs;
}

interface RequestProgress {
  routeKey?: string;
  integrationMs?: number;
}

export function createHttpApiListener(options: HttpApiOptions): RequestListener {
  const { deployment, domainName, logs } = options;
  const router = createRouter(deployment.routes);
  const accessLine =
    deployment.accessLogFormat === undefined ? undefined : compileAccessLog(deployment.accessLogFormat);
  const cors = deployment.api.CorsConfiguration;

  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = toGatewayRequest(message, domainName);
    const progress: RequestProgress = {};
    const { origin } = message.headers;
    let answer: GatewayResponse;
    if (cors !== undefined && message.method === 'OPTIONS') answer = preflightResponse(cors, origin);
    else {
      answer = await handleRequest(options, request, router(message.method ?? '', request.path), progress);
      if (cors !== undefined) answer = applyCorsHeaders(cors, origin, answer);
    }
    send(response, answer, request.requestId);
    const line = accessLine?.({
      request,
      routeKey: progress.routeKey,
      integrationMs: progress.integrationMs,
      status: answer.status,
      responseBytes: answer.body.length,
      responseMs: Date.now() - request.receivedAt.getTime(),
    });
    if (line !== undefined) logs.write('access', line);
  };

  const log = (error: unknown) => logs.write('gateway', failureLine({ engine: 'gateway' }, error));
  return (message, response) => {
    contain(() => serve(message, response), log).catch((error: unknown) => {
      // The client disconnected during its request, or the response headers cannot be written.
      if (!message.destroyed) log(error);
      if (response.headersSent) response.destroy();
      else send(response, errorResponses.internal, '-');
    });
  };
}

function toGatewayRequest(message: IncomingMessage, domainName: string): GatewayRequest {
  const url = message.url ?? '/';
  const queryAt = url.indexOf('?');
  return {
    requestId: randomBytes(12).toString('base64url'),
    receivedAt: new Date(),
    path: queryAt < 0 ? url : url.slice(0, queryAt),
    rawQuery: queryAt < 0 ? '' : url.slice(queryAt + 1),
    domainName,
    message,
  };
}

async function handleRequest(
  options: HttpApiOptions,
  request: GatewayRequest,
  match: RouteMatch | 'not-found' | 'malformed',
  progress: RequestProgress,
): Promise<GatewayResponse> {
  if (headerBytes(request.message) > maxHeaderBytes) return errorResponses.headersTooLarge;
  if (match === 'not-found') return errorResponses.notFound;
  const path = percentDecode(request.path);
  if (match === 'malformed' || path === undefined) return errorResponses.badRequest;
  progress.routeKey = match.route.routeKey;
  const body = await readBody(request.message, maxBodyBytes);
  if (body === undefined) return errorResponses.tooLarge;
  const caller = match.route.requiresIam ? await authorize(options, request, body) : undefined;
  if (caller === 'forbidden') return errorResponses.forbidden;
  const started = Date.now();
  const answer = await invokeIntegration(
    options,
    match.route,
    JSON.stringify(toLambdaEvent(request, path, match, body, caller)),
  );
  progress.integrationMs = Date.now() - started;
  return answer;
}

const headerBytes = ({ method = '', url = '', rawHeaders }: IncomingMessage): number =>
  rawHeaders.reduce((sum, text, at) => (at % 2 === 1 ? sum + text.length : sum), method.length + url.length + 11);

async function authorize(
  { credentials, operatorName }: HttpApiOptions,
  { message, path, rawQuery }: GatewayRequest,
  body: Buffer,
): Promise<IamCaller | 'forbidden'> {
  const signed = {
    method: message.method ?? '',
    path,
    query: new URLSearchParams(rawQuery),
    headers: message.headers,
    body,
  };
  const verdict = await verifySignature(signed, 'execute-api', credentials);
  if (!verdict.ok || verdict.principal.name !== operatorName) return 'forbidden';
  return { accessKeyId: verdict.accessKeyId, userArn: verdict.principal.arn };
}

async function invokeIntegration(
  { functions }: HttpApiOptions,
  route: RouteSpec,
  event: string,
): Promise<GatewayResponse> {
  const timeoutController = new AbortController();
  const late = sleep(route.integrationTimeout, 'late' as const, { signal: timeoutController.signal }).catch(
    () => 'late' as const,
  );
  const outcome = await Promise.race([functions.invoke(route.targetArn, event), late]);
  timeoutController.abort();
  // A timeout of the function is a function failure (500). A timeout of the integration is 503.
  if (outcome === 'late') return errorResponses.unavailable;
  return toResponse(outcome);
}

function toResponse(outcome: InvocationOutcome): GatewayResponse {
  if (outcome.ok) return toGatewayResponse(outcome.payload) ?? errorResponses.internal;
  return outcome.type === 'RequestEntityTooLargeException' ? errorResponses.tooLarge : errorResponses.internal;
}

function send(response: ServerResponse, answer: GatewayResponse, requestId: string): void {
  response.writeHead(answer.status, {
    ...answer.headers,
    ...(answer.status !== 204 && { 'content-length': answer.body.length }),
    'apigw-requestid': requestId,
  });
  response.end(answer.body);
}

const errorResponse = (status: number, message: string): GatewayResponse => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify({ message })),
});

const errorResponses = {
  badRequest: errorResponse(400, 'Bad Request'),
  forbidden: errorResponse(403, 'Forbidden'),
  notFound: errorResponse(404, 'Not Found'),
  tooLarge: errorResponse(413, 'Request Entity Too Large'),
  headersTooLarge: errorResponse(431, 'Request Header Fields Too Large'),
  internal: errorResponse(500, 'Internal Server Error'),
  unavailable: errorResponse(503, 'Service Unavailable'),
};

/** Responds with 503 during startup. The port is opened first, so that a port conflict is reported at once. */
export const unavailableListener: RequestListener = (_, response) => send(response, errorResponses.unavailable, '-');
