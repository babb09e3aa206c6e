/** Middleware of the routes that exchange an identity for a key. */
import middy from '@middy/core';
import type { RouteInput, RouteOutput } from '../../../contract/route-schemas.ts';
import { parseRequest } from '../../middleware/parse-request.ts';
import { type RequestState, type RouteHandler, requireInput } from '../../middleware/request-state.ts';
import { IdentityRefusedError } from '../identity-refusal.ts';
import type { AcceptedIdentity } from '../workload-login-service.ts';

type LoginRouteId = 'logInWithOidc' | 'logInWithAws';

/**
 * A login route. A request whose identity a login accepts is audited, whatever comes after. A refused one is only
 * logged, because everybody can get tokens of a public issuer.
 */
export function workloadLoginRoute<Id extends LoginRouteId>(
  id: Id,
  run: (
    input: RouteInput<Id>,
    sourceIp: string,
    onAccepted: (identity: AcceptedIdentity) => void,
  ) => Promise<RouteOutput<Id>>,
): RouteHandler {
  const chain = middy<RequestState<Id>, RouteOutput<Id>>(async (state: RequestState<Id>) => {
    const { sourceIp } = state.event.requestContext.http;
    try {
      return await run(requireInput(state), sourceIp, (identity) => {
        state.actor = identity;
      });
    } catch (error) {
      if (error instanceof IdentityRefusedError) state.reason = error.reason;
      throw error;
    }
  });
  return chain.use(parseRequest(id, (_, output) => ({ name: output?.id }))) as RouteHandler;
}
