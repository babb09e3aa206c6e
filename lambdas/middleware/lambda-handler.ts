import type { APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { type RouteId, routeKey, routes } from '../../contract/routes.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { AuditTrail } from '../shared/audit-trail.ts';
import { factsOf } from './audit-facts.ts';
import type { ApiEvent, Call, Chain } from './request-context.ts';
import { faultOf, type Log } from './request-log.ts';
import { problem, type RawAnswer, rawSuccess, success } from './responses.ts';

type Handler = (event: ApiEvent, context: Context) => Promise<APIGatewayProxyStructuredResultV2>;

interface Route {
  readonly id: RouteId;
  readonly chain: Chain;
}

/** How a request ended, before anything of it is told. */
type Outcome = { readonly output: unknown } | { readonly error: unknown };

/** What is left of the function's time for telling that the audit failed, milliseconds. */
const lastWords = 500;

/**
 * The function of a group: finds the chain of a route and encloses it. Audit record, answer, headers and log line are
 * made out here, not in a middleware's `after`, which middy skips when one before it returns early.
 */
export function serve(log: Log, audit: AuditTrail, chains: Partial<Record<RouteId, Chain>>): Handler {
  const byKey = new Map<string, Route>(
    Object.entries(chains).map(([id, chain]) => [routeKey(id as RouteId), { id: id as RouteId, chain }]),
  );
  return async (event, context) => {
    const started = performance.now();
    const { requestId } = event.requestContext;
    const route = byKey.get(event.routeKey);
    const call: Call = { event };
    const outcome = await audited(audit, route, call, context, await run(route, call, context));
    await call.noted;
    const durationMs = Math.round(performance.now() - started);
    const { org, principal } = call.actor ?? {};
    const { reason } = call;
    const told = reason === undefined ? {} : { reason };
    const entry = { requestId, route: route?.id ?? 'none', durationMs, org, principal, ...told };
    if ('output' in outcome && route !== undefined) {
      const { status } = routes[route.id];
      log({ ...entry, status });
      return answerOf(route.id, outcome.output, call, requestId);
    }
    const error = 'error' in outcome ? outcome.error : undefined;
    const { code, answer } = problem(error, requestId);
    const fault = code === 'internal' ? { fault: faultOf(error) } : {};
    log({ ...entry, status: answer.statusCode ?? 500, code, ...fault });
    return answer;
  };
}

function answerOf(
  id: RouteId,
  output: unknown,
  { cookies }: Call,
  requestId: string,
): APIGatewayProxyStructuredResultV2 {
  const { status, auth } = routes[id];
  // The chain of such a route gives what its provider expects; the compiler cannot follow the table.
  const answer =
    auth === 'signature' ? rawSuccess(status, output as RawAnswer, requestId) : success(status, output, requestId);
  return cookies === undefined || cookies.length === 0 ? answer : { ...answer, cookies: [...cookies] };
}

async function run(route: Route | undefined, call: Call, context: Context): Promise<Outcome> {
  try {
    if (route === undefined) throw new VaultError('route_not_found');
    return { output: await route.chain(call, context) };
  } catch (error) {
    return { error };
  }
}

/**
 * Leaves the record of a request whose caller is known, whatever came of it; if that fails, the request did. A caller
 * who proved nothing is left to the log: else a stranger could fill the audit of any org.
 */
async function audited(
  audit: AuditTrail,
  route: Route | undefined,
  call: Call,
  context: Context,
  outcome: Outcome,
): Promise<Outcome> {
  if (route === undefined || call.actor === undefined) return outcome;
  try {
    const result = 'error' in outcome ? problem(outcome.error, '').code : 'ok';
    const output = 'output' in outcome ? outcome.output : undefined;
    const facts = factsOf(route.id, call, call.actor, result, output);
    await audit.write(facts, context.getRemainingTimeInMillis() - lastWords);
    return outcome;
  } catch (error) {
    return { error };
  }
}
