/** The onions of routes for users: whoever opens a slot, and whoever logs in to get one. */
import middy from '@middy/core';
import type { RouteInput, RouteOutput } from '../../../contract/route-schemas.ts';
import type { RouteId } from '../../../contract/routes.ts';
import { type RequestState, type RouteHandler, requireInput } from '../../middleware/request-context.ts';
import { type ExtractSubject, parseRequest } from '../../middleware/request-parsing.ts';
import type { OpenUser } from '../unlocked-user.ts';
import { authenticateUser, refuseOtherSites, type UserCall, type UserGate, type WantedRecords } from './user-auth.ts';

/** A route for users: what it reads beside the keyrings, and what it does. */
export interface UserRoute<Id extends RouteId> extends WantedRecords<Id> {
  /** What the audit record names, where the path does not say it. */
  readonly subject?: ExtractSubject<Id>;
  run(input: RouteInput<Id>, user: OpenUser, call: RequestState<Id>): Promise<RouteOutput<Id>>;
}

export function userChain<Id extends RouteId>(id: Id, gate: UserGate, route: UserRoute<Id>): RouteHandler {
  const chain = middy<UserCall<Id>, RouteOutput<Id>>(async (state: UserCall<Id>) => {
    if (state.user === undefined) throw new Error('the request was not authenticated');
    return await route.run(requireInput(state), state.user, state);
  });
  const onion = chain.use(parseRequest(id, route.subject)).use(authenticateUser(gate, route)) as RouteHandler;
  return async (state: UserCall<RouteId>, context) => {
    try {
      return await onion(state, context);
    } finally {
      state.secret?.fill(0);
    }
  };
}

/** A user who has just logged in. */
export interface Entered<Id extends RouteId> {
  readonly org: string;
  readonly user: string;
  readonly cookie: string;
  readonly output: RouteOutput<Id>;
}

/** A route for anyone who can log in. It is audited from then on: what failed proves nothing of anyone, and is left to the log. */
export function loginChain<Id extends RouteId>(
  id: Id,
  run: (input: RouteInput<Id>) => Promise<Entered<Id>>,
): RouteHandler {
  const chain = middy<RequestState<Id>, RouteOutput<Id>>(async (state: RequestState<Id>) => {
    refuseOtherSites(state.event);
    const { org, user, cookie, output } = await run(requireInput(state));
    state.actor = { org, principal: `user:${user}` };
    state.cookies = [cookie];
    return output;
  });
  return chain.use(parseRequest(id)) as RouteHandler;
}
