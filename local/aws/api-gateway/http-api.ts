/** An API Gateway HTTP API on one machine: route, authorize, invoke, answer, log. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Deployment, RouteSpec } from '../cloudformation/deployment-spec.ts';
import type { CredentialStore } from '../iam/credential-store.ts';
import { verifySignature } from '../iam/signature-v4.ts';
import type { Outcome } from '../lambda/execution-environment.ts';
import type { FunctionHost } from '../lambda/function-host.ts';
import { messageOf } from '../shared/errors.ts';
import type { Logs } from '../shared/log-streams.ts';
import { readBody } from '../shared/loopback-server.ts';
import { compileAccessLog } from './access-log.ts';
import { preflightAnswer, withCors } from './api-cors.ts';
import { type GatewayRequest, type HttpAnswer, type IamCaller, toAnswer, toEvent } from './lambda-proxy-event.ts';
import { compileRoutes, percentDecode, type RouteMatch } from './route-matching.ts';

const maxBodyBytes = 10 * 1024 * 1024;

export interface GatewayOptions {
  readonly deployment: Deployment;
  /** By logical id. */
  readonly hosts: ReadonlyMap<string, FunctionHost>;
  readonly credentials: CredentialStore;
  /** The principal that may call IAM routes; the roles of functions may not. */
  readonly operatorName: string;
  readonly domainName: string;
  readonly logs: Logs;
}

interface Progress {
  routeKey?: string;
  integrationMs?: number;
}

export function gatewayListener(options: GatewayOptions): RequestListener {
  const { deployment, domainName, logs } = options;
  const router = compileRoutes(deployment.routes);
  const accessLine =
    deployment.accessLogFormat === undefined ? undefined : compileAccessLog(deployment.accessLogFormat);
  const cors = deployment.api.CorsConfiguration;

  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = describe(message, domainName);
    const progress: Progress = {};
    const { origin } = message.headers;
    let answer: HttpAnswer;
    if (cors !== undefined && message.method === 'OPTIONS') answer = preflightAnswer(cors, origin);
    else {
      answer = await respond(options, request, router(message.method ?? '', request.path), progress);
      if (cors !== undefined) answer = withCors(cors, origin, answer);
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

  return (message, response) => {
    serve(message, response).catch((error: unknown) => {
      // The client went away in the middle of its request, or the answer's headers can't be written.
      if (!message.destroyed) logs.write('gateway', messageOf(error));
      if (response.headersSent) response.destroy();
      else send(response, refusals.internal, '-');
    });
  };
}

function describe(message: IncomingMessage, domainName: string): GatewayRequest {
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

async function respond(
  options: GatewayOptions,
  request: GatewayRequest,
  match: RouteMatch | 'not-found' | 'malformed',
  progress: Progress,
): Promise<HttpAnswer> {
  if (match === 'not-found') return refusals.notFound;
  const path = percentDecode(request.path);
  if (match === 'malformed' || path === undefined) return refusals.badRequest;
  progress.routeKey = match.route.routeKey;
  const body = await readBody(request.message, maxBodyBytes);
  if (body === undefined) return refusals.tooLarge;
  const caller = match.route.requiresIam ? await authorize(options, request, body) : undefined;
  if (caller === 'forbidden') return refusals.forbidden;
  const started = Date.now();
  const answer = await integrate(options, match.route, JSON.stringify(toEvent(request, path, match, body, caller)));
  progress.integrationMs = Date.now() - started;
  return answer;
}

async function authorize(
  { credentials, operatorName }: GatewayOptions,
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

async function integrate({ hosts }: GatewayOptions, route: RouteSpec, event: string): Promise<HttpAnswer> {
  const host = hosts.get(route.function.logicalId);
  if (host === undefined) return refusals.internal;
  const patience = new AbortController();
  const late = sleep(route.integrationTimeout, 'late' as const, { signal: patience.signal }).catch(
    () => 'late' as const,
  );
  const outcome = await Promise.race([host.invoke(event), late]);
  patience.abort();
  // A function's own time-out is a failure of the function (500); only the gateway's patience ends in 503.
  if (outcome === 'late') return refusals.unavailable;
  return answerOf(outcome);
}

function answerOf(outcome: Outcome): HttpAnswer {
  if (outcome.ok) return toAnswer(outcome.payload) ?? refusals.internal;
  return outcome.type === 'RequestEntityTooLargeException' ? refusals.tooLarge : refusals.internal;
}

function send(response: ServerResponse, answer: HttpAnswer, requestId: string): void {
  response.writeHead(answer.status, {
    ...answer.headers,
    ...(answer.status !== 204 && { 'content-length': answer.body.length }),
    'apigw-requestid': requestId,
  });
  response.end(answer.body);
}

const refusal = (status: number, message: string): HttpAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify({ message })),
});

const refusals = {
  badRequest: refusal(400, 'Bad Request'),
  forbidden: refusal(403, 'Forbidden'),
  notFound: refusal(404, 'Not Found'),
  tooLarge: refusal(413, 'Request Entity Too Large'),
  internal: refusal(500, 'Internal Server Error'),
  unavailable: refusal(503, 'Service Unavailable'),
};

/** Answers while the vault is still starting: the port is taken first, so that a used one is told at once. */
export const startingListener: RequestListener = (_, response) => send(response, refusals.unavailable, '-');
