/** The middleware of routes for holders of an API key. */
import middy from '@middy/core';
import type { RouteInput, RouteOutput } from '../../../contract/route-schemas.ts';
import type { RouteId } from '../../../contract/routes.ts';
import { type Chain, inputOf } from '../../middleware/request-context.ts';
import { parse, type SubjectOf } from '../../middleware/request-parsing.ts';
import { type ApiKeyCall, authenticate, type Gate, type Session, type Wanted } from './api-key-auth.ts';

/** A route for holders of an API key: what it reads beside the key, and what it does. */
export interface MemberRoute<Id extends RouteId> extends Wanted<Id> {
  /** What the audit record names, where the path does not say it. */
  readonly subject?: SubjectOf<Id>;
  run(input: RouteInput<Id>, session: Session): Promise<RouteOutput<Id>>;
}

export function memberChain<Id extends RouteId>(id: Id, gate: Gate, route: MemberRoute<Id>): Chain {
  const chain = middy<ApiKeyCall<Id>, RouteOutput<Id>>(async (call: ApiKeyCall<Id>) => {
    if (call.session === undefined) throw new Error('the request was not authenticated');
    return await route.run(inputOf(call), call.session);
  });
  return chain.use(parse(id, route.subject)).use(authenticate(id, gate, route)) as Chain;
}
