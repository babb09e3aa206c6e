/** The onions of routes for users: whoever opens a slot, and whoever logs in to get one. */
import middy from '@middy/core';
import type { RouteInput, RouteOutput } from '../../../contract/route-schemas.ts';
import type { RouteId } from '../../../contract/routes.ts';
import { type Call, type Chain, inputOf } from '../../middleware/request-context.ts';
import { parse, type SubjectOf } from '../../middleware/request-parsing.ts';
import type { OpenUser } from '../unlocked-user.ts';
import { authenticateUser, refuseOtherSites, type UserCall, type UserGate, type WantedRecords } from './user-auth.ts';

/** A route for users: what it reads beside the keyrings, and what it does. */
export interface UserRoute<Id extends RouteId> extends WantedRecords<Id> {
  /** What the audit record names, where the path does not say it. */
  readonly subject?: SubjectOf<Id>;
  run(input: RouteInput<Id>, user: OpenUser, call: Call<Id>): Promise<RouteOutput<Id>>;
}

export function userChain<Id extends RouteId>(id: Id, gate: UserGate, route: UserRoute<Id>): Chain {
  const chain = middy<UserCall<Id>, RouteOutput<Id>>(async (call: UserCall<Id>) => {
    if (call.user === undefined) throw new Error('the request was not authenticated');
    return await route.run(inputOf(call), call.user, call);
  });
  const onion = chain.use(parse(id, route.subject)).use(authenticateUser(gate, route)) as Chain;
  return async (call: UserCall<RouteId>, context) => {
    try {
      return await onion(call, context);
    } finally {
      call.secret?.fill(0);
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
export function loginChain<Id extends RouteId>(id: Id, run: (input: RouteInput<Id>) => Promise<Entered<Id>>): Chain {
  const chain = middy<Call<Id>, RouteOutput<Id>>(async (call: Call<Id>) => {
    refuseOtherSites(call.event);
    const { org, user, cookie, output } = await run(inputOf(call));
    call.actor = { org, principal: `user:${user}` };
    call.cookies = [cookie];
    return output;
  });
  return chain.use(parse(id)) as Chain;
}
