/** Middleware chains by kind of route (contract/routes.ts, `auth`). */
import middy from '@middy/core';
import type { RouteInput, RouteOutput } from '../../contract/route-schemas.ts';
import type { RouteId } from '../../contract/routes.ts';
import { parseRequest } from './parse-request.ts';
import { type RequestState, type RouteHandler, requireInput } from './request-state.ts';
import { requireOperator, requireOperatorArn } from './require-operator.ts';

/** A route for the deployment's operator. Audited under the org that `orgOf` derives from the output. */
export function operatorRoute<Id extends RouteId>(
  id: Id,
  run: (input: RouteInput<Id>) => Promise<RouteOutput<Id>>,
  orgOf: (output: RouteOutput<Id>) => string,
): RouteHandler {
  const chain = middy<RequestState<Id>, RouteOutput<Id>>(async (state: RequestState<Id>) => {
    const output = await run(requireInput(state));
    state.actor = { org: orgOf(output), principal: requireOperatorArn(state) };
    return output;
  });
  return chain.use(requireOperator()).use(parseRequest(id)) as RouteHandler;
}

/** A public route. */
export function publicRoute<Id extends RouteId>(
  id: Id,
  run: (input: RouteInput<Id>) => Promise<RouteOutput<Id>>,
): RouteHandler {
  return middy<RequestState<Id>, RouteOutput<Id>>(
    async (state: RequestState<Id>) => await run(requireInput(state)),
  ).use(parseRequest(id)) as RouteHandler;
}
