import type { APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { type RouteId, routeKey, routes } from '../../contract/routes.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { AuditLog } from '../shared/audit-log.ts';
import { buildAuditEvent } from './audit-event.ts';
import { describeFault, type WriteRequestLog } from './request-log.ts';
import type { ApiEvent, RequestState, RouteHandler } from './request-state.ts';
import { jsonResponse, problemResponse, type RawBody, rawResponse } from './responses.ts';

type HttpApiHandler = (event: ApiEvent, context: Context) => Promise<APIGatewayProxyStructuredResultV2>;

interface Route {
  readonly id: RouteId;
  readonly chain: RouteHandler;
}

/** How a request ended, before anything of it is told. */
type Outcome = { readonly output: unknown } | { readonly error: unknown };

/** What is left of the function's time for telling that the audit failed, milliseconds. */
const auditTimeReserveMs = 500;

/**
 * The function of a group: finds the chain of a route and encloses it. Audit record, answer, headers and log line are
 * made out here, not in a middleware's `after`, which middy skips when one before it returns early.
 */
export function createLambdaHandler(
  log: WriteRequestLog,
  audit: AuditLog,
  handlers: Partial<Record<RouteId, RouteHandler>>,
): HttpApiHandler {
  const routesByKey = new Map<string, Route>(
    Object.entries(handlers).map(([id, chain]) => [routeKey(id as RouteId), { id: id as RouteId, chain }]),
  );
  return async (event, context) => {
    const started = performance.now();
    const { requestId } = event.requestContext;
    const route = routesByKey.get(event.routeKey);
    const state: RequestState = { event };
    const outcome = await recordAuditEvent(audit, route, state, context, await runRoute(route, state, context));
    await state.lastUsedUpdate;
    const durationMs = Math.round(performance.now() - started);
    const { org, principal } = state.actor ?? {};
    const { reason } = state;
    const reasonField = reason === undefined ? {} : { reason };
    const entry = { requestId, route: route?.id ?? 'none', durationMs, org, principal, ...reasonField };
    if ('output' in outcome && route !== undefined) {
      const { status } = routes[route.id];
      log({ ...entry, status });
      return toHttpResponse(route.id, outcome.output, state, requestId);
    }
    const error = 'error' in outcome ? outcome.error : undefined;
    const { code, answer } = problemResponse(error, requestId);
    const fault = code === 'internal' ? { fault: describeFault(error) } : {};
    log({ ...entry, status: answer.statusCode ?? 500, code, ...fault });
    return answer;
  };
}

function toHttpResponse(
  id: RouteId,
  output: unknown,
  { cookies }: RequestState,
  requestId: string,
): APIGatewayProxyStructuredResultV2 {
  const { status, auth } = routes[id];
  // The chain of such a route gives what its provider expects; the compiler cannot follow the table.
  const answer =
    auth === 'signature' ? rawResponse(status, output as RawBody, requestId) : jsonResponse(status, output, requestId);
  return cookies === undefined || cookies.length === 0 ? answer : { ...answer, cookies: [...cookies] };
}

async function runRoute(route: Route | undefined, state: RequestState, context: Context): Promise<Outcome> {
  try {
    if (route === undefined) throw new VaultError('route_not_found');
    return { output: await route.chain(state, context) };
  } catch (error) {
    return { error };
  }
}

/**
 * Leaves the record of a request whose caller is known, whatever came of it; if that fails, the request did. A caller
 * who proved nothing is left to the log: else a stranger could fill the audit of any org.
 */
async function recordAuditEvent(
  audit: AuditLog,
  route: Route | undefined,
  state: RequestState,
  context: Context,
  outcome: Outcome,
): Promise<Outcome> {
  if (route === undefined || state.actor === undefined) return outcome;
  try {
    const result = 'error' in outcome ? problemResponse(outcome.error, '').code : 'ok';
    const output = 'output' in outcome ? outcome.output : undefined;
    const auditEvent = buildAuditEvent(route.id, state, state.actor, result, output);
    await audit.write(auditEvent, context.getRemainingTimeInMillis() - auditTimeReserveMs);
    return outcome;
  } catch (error) {
    return { error };
  }
}
