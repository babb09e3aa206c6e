/** The onions of the kinds of route (contract/routes.ts, `auth`). */
import middy from '@middy/core';
import type { RouteInput, RouteOutput } from '../../contract/route-schemas.ts';
import type { RouteId } from '../../contract/routes.ts';
import { operatorOf, requireOperator } from './iam-operator-auth.ts';
import { type Call, type Chain, inputOf } from './request-context.ts';
import { parse } from './request-parsing.ts';

/** A route for the deployment's operator; it is audited under the org that `orgOf` finds in its answer. */
export function operatorChain<Id extends RouteId>(
  id: Id,
  run: (input: RouteInput<Id>) => Promise<RouteOutput<Id>>,
  orgOf: (output: RouteOutput<Id>) => string,
): Chain {
  const chain = middy<Call<Id>, RouteOutput<Id>>(async (call: Call<Id>) => {
    const output = await run(inputOf(call));
    call.actor = { org: orgOf(output), principal: operatorOf(call) };
    return output;
  });
  return chain.use(requireOperator()).use(parse(id)) as Chain;
}

/** A route for anyone. */
export function publicChain<Id extends RouteId>(
  id: Id,
  run: (input: RouteInput<Id>) => Promise<RouteOutput<Id>>,
): Chain {
  return middy<Call<Id>, RouteOutput<Id>>(async (call: Call<Id>) => await run(inputOf(call))).use(parse(id)) as Chain;
}
