/** Middleware chains of user routes: one for authenticated users, and one for login. */
import middy from '@middy/core';
import type { RouteInput, RouteOutput } from '../../../contract/route-schemas.ts';
import type { RouteId } from '../../../contract/routes.ts';
import { type ExtractSubject, parseRequest } from '../../middleware/parse-request.ts';
import { type RequestState, type RouteHandler, requireInput } from '../../middleware/request-state.ts';
import type { UnlockedUser } from '../unlocked-user.ts';
import { authenticateUser, type RequiredRecords, type UserAuthenticator, type UserCall } from './authenticate-user.ts';
import { assertSameOrigin } from './same-origin.ts';

/** A route for authenticated users: the records it reads with the keyrings, and its handler. */
export interface UserRoute<Id extends RouteId> extends RequiredRecords<Id> {
  /** Subject of the audit record, if the path does not contain it. */
  readonly subject?: ExtractSubject<Id>;
  run(input: RouteInput<Id>, user: UnlockedUser, call: RequestState<Id>): Promise<RouteOutput<Id>>;
}

export function userRouteHandler<Id extends RouteId>(
  id: Id,
  authenticator: UserAuthenticator,
  route: UserRoute<Id>,
): RouteHandler {
  const chain = middy<UserCall<Id>, RouteOutput<Id>>(async (state: UserCall<Id>) => {
    if (state.user === undefined) throw new Error('the request was not authenticated');
    const input = requireInput(state);
    await state.recordStart?.();
    return await route.run(input, state.user, state);
  });
  const handler = chain
    .use(parseRequest(id, route.subject))
    .use(authenticateUser(authenticator, route)) as RouteHandler;
  return async (state: UserCall<RouteId>, context) => {
    try {
      return await handler(state, context);
    } finally {
      state.secret?.fill(0);
    }
  };
}

/** Result of a successful login. */
export interface LoginOutcome<Id extends RouteId> {
  readonly org: string;
  readonly user: string;
  readonly cookie: string;
  readonly output: RouteOutput<Id>;
}

/**
 * A login route. It is audited only after a successful login. A failed login authenticates nobody and appears only in
 * the log.
 */
export function loginRouteHandler<Id extends RouteId>(
  id: Id,
  run: (input: RouteInput<Id>, sourceIp: string) => Promise<LoginOutcome<Id>>,
): RouteHandler {
  const chain = middy<RequestState<Id>, RouteOutput<Id>>(async (state: RequestState<Id>) => {
    assertSameOrigin(state.event);
    const { org, user, cookie, output } = await run(requireInput(state), state.event.requestContext.http.sourceIp);
    state.actor = { org, principal: `user:${user}` };
    state.cookies = [cookie];
    return output;
  });
  return chain.use(parseRequest(id)) as RouteHandler;
}
