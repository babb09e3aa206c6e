import type { APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { type RouteId, routeKey, routes } from '../../contract/routes.ts';
import { VaultError } from '../../contract/vault-error.ts';
import { problem, success } from './answer.ts';
import type { ApiEvent, Call, Chain } from './call.ts';
import { faultOf, type Log } from './log.ts';

type Handler = (event: ApiEvent, context: Context) => Promise<APIGatewayProxyStructuredResultV2>;

/**
 * The function of a group: finds the chain of a route and encloses it. Answer, headers and log line are made out here,
 * not in a middleware's `after`, which middy skips when one before it returns early.
 */
export function serve(log: Log, chains: Partial<Record<RouteId, Chain>>): Handler {
  const byKey = new Map(
    Object.entries(chains).map(([id, chain]) => [routeKey(id as RouteId), { id: id as RouteId, chain }]),
  );
  return async (event, context) => {
    const started = performance.now();
    const { requestId } = event.requestContext;
    const route = byKey.get(event.routeKey);
    const call: Call = { event };
    const record = (status: number, more: { code?: ReturnType<typeof problem>['code']; fault?: string } = {}) => {
      const durationMs = Math.round(performance.now() - started);
      const { org, keyId } = call.session?.caller ?? {};
      log({ requestId, route: route?.id ?? 'none', status, durationMs, org, keyId, ...more });
    };
    try {
      if (route === undefined) throw new VaultError('route_not_found');
      const { status } = routes[route.id];
      const answer = success(status, await route.chain(call, context), requestId);
      record(status);
      return answer;
    } catch (error) {
      const { code, answer } = problem(error, requestId);
      record(answer.statusCode ?? 500, { code, ...(code === 'internal' ? { fault: faultOf(error) } : {}) });
      return answer;
    }
  };
}
