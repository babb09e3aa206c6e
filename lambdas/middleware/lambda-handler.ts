import type { APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import type { AuditRecord } from '../../contract/audit/wire.ts';
import { methodsOfPath } from '../../contract/path-methods.ts';
import { auditVerbOf, irreversibleRoutes, type RouteId, routeKey, routes } from '../../contract/routes.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { AuditLog } from '../shared/audit-log.ts';
import { classifyError } from '../shared/error-classification.ts';
import { buildAuditEvent } from './audit-event.ts';
import { describeFault, failedDependencyOf, type WriteRequestLog } from './request-log.ts';
import type { ApiEvent, AuditActor, RequestState, RouteHandler } from './request-state.ts';
import { jsonResponse, problemResponse, type RawBody, rawResponse } from './responses.ts';

type HttpApiHandler = (event: ApiEvent, context: Context) => Promise<APIGatewayProxyStructuredResultV2>;

interface Route {
  readonly id: RouteId;
  readonly handler: RouteHandler;
}

/** The outcome of a request, before it is disclosed. */
type Outcome = { readonly output: unknown } | { readonly error: unknown };

/** Time in milliseconds that the audit write must leave, so that its failure can still be reported. */
const auditTimeReserveMs = 500;

/**
 * Creates the Lambda handler of a group of routes. It writes the audit record, the response, the headers and the log
 * line itself. A middleware's `after` could not, because middy skips it if an earlier middleware returns early.
 */
export function createLambdaHandler(
  log: WriteRequestLog,
  audit: AuditLog,
  handlers: Partial<Record<RouteId, RouteHandler>>,
): HttpApiHandler {
  const routesByKey = new Map<string, Route>(
    Object.entries(handlers).map(([id, handler]) => [routeKey(id as RouteId), { id: id as RouteId, handler }]),
  );
  return async (event, context) => {
    const started = performance.now();
    const { requestId } = event.requestContext;
    const route = routesByKey.get(event.routeKey);
    const state: RequestState = { event };
    if (route !== undefined) state.recordStart = () => recordStart(audit, route, state, context);
    const outcome = await recordAuditEvent(audit, route, state, context, await runRoute(route, state, context));
    await state.lastUsedUpdate;
    const durationMs = Math.round(performance.now() - started);
    const entry = { requestId, route: route?.id ?? 'none', durationMs, ...loggedOf(state) };
    if ('output' in outcome && route !== undefined) {
      const status = statusOf(route.id, state);
      log({ ...entry, status });
      return toHttpResponse(route.id, status, outcome.output, state, requestId);
    }
    const error = 'error' in outcome ? outcome.error : undefined;
    const { code, answer } = problemResponse(error, requestId);
    const fault = code === 'internal' ? { fault: describeFault(error) } : {};
    log({ ...entry, status: answer.statusCode ?? 500, code, ...fault, ...failedDependencyOf(error) });
    return answer;
  };
}

/** What the log line says of a request, beside its outcome. */
const loggedOf = ({ actor, reason, tripwires }: RequestState) => ({
  org: actor?.org,
  principal: actor?.principal,
  ...(reason === undefined ? {} : { reason }),
  ...(tripwires === undefined ? {} : { tripwires: tripwires.length }),
});

const statusOf = (id: RouteId, { isPending }: RequestState): number => (isPending === true ? 202 : routes[id].status);

function toHttpResponse(
  id: RouteId,
  status: number,
  output: unknown,
  { cookies, entityTag }: RequestState,
  requestId: string,
): APIGatewayProxyStructuredResultV2 {
  const { auth } = routes[id];
  // The handler of such a route returns a RawBody; the compiler cannot infer that from the route table.
  const answer =
    auth === 'signature' ? rawResponse(status, output as RawBody, requestId) : jsonResponse(status, output, requestId);
  if (entityTag !== undefined) answer.headers = { ...answer.headers, etag: entityTag };
  return cookies === undefined || cookies.length === 0 ? answer : { ...answer, cookies: [...cookies] };
}

async function runRoute(route: Route | undefined, state: RequestState, context: Context): Promise<Outcome> {
  try {
    if (route === undefined) throw unknownRoute(state);
    return { output: await route.handler(state, context) };
  } catch (error) {
    return { error };
  }
}

/** The error for a request that no route matches. The gateway sends such requests to the public function. */
function unknownRoute({ event }: RequestState): VaultError {
  const allow = methodsOfPath(event.rawPath);
  return allow.length === 0 ? new VaultError('route_not_found') : new VaultError('method_not_allowed', { allow });
}

/**
 * Writes the audit record of a request with an authenticated caller, whatever its outcome. If the write fails, the
 * request fails. Unauthenticated requests are only logged; otherwise anyone could fill the audit of any org. So are
 * requests of routes without a verb.
 */
async function recordAuditEvent(
  audit: AuditLog,
  route: Route | undefined,
  state: RequestState,
  context: Context,
  outcome: Outcome,
): Promise<Outcome> {
  if (route === undefined || state.actor === undefined || auditVerbOf(route.id) === undefined) return outcome;
  // The operation was not carried out, and its record has failed already.
  if ('error' in outcome && classifyError(outcome.error)?.code === 'audit_unavailable') return outcome;
  try {
    const result =
      'error' in outcome ? problemResponse(outcome.error, '').code : state.isPending === true ? 'pending' : 'ok';
    const output = 'output' in outcome ? outcome.output : undefined;
    await writeRecord(audit, route, state, state.actor, context, result, output);
    return outcome;
  } catch (error) {
    return { error };
  }
}

/**
 * Records that an irreversible operation of an authorized caller is about to run. If the write fails, the operation
 * does not run.
 */
async function recordStart(audit: AuditLog, route: Route, state: RequestState, context: Context): Promise<void> {
  if (!irreversibleRoutes.has(route.id)) return;
  if (state.actor === undefined) throw new Error('the request was not authenticated');
  try {
    await writeRecord(audit, route, state, state.actor, context, 'started', undefined);
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    throw new VaultError(error.code, { detail: notStartedDetail }, error.failedDependency);
  }
}

const notStartedDetail = 'The request could not be recorded and was not carried out. Send the same request again.';

function writeRecord(
  audit: AuditLog,
  route: Route,
  state: RequestState,
  actor: AuditActor,
  context: Context,
  result: AuditRecord['result'],
  output: unknown,
): Promise<void> {
  const auditEvent = buildAuditEvent(route.id, state, actor, result, output);
  return audit.write(auditEvent, context.getRemainingTimeInMillis() - auditTimeReserveMs);
}
