/** Middleware of the routes that need an API key. */
import middy from '@middy/core';
import type { RouteInput, RouteOutput } from '../../../contract/route-schemas.ts';
import type { RouteId } from '../../../contract/routes.ts';
import { type ExtractSubject, parseRequest } from '../../middleware/parse-request.ts';
import { type RequestState, type RouteHandler, requireInput } from '../../middleware/request-state.ts';
import {
  type ApiKeyAuth,
  type ApiKeyCall,
  type ApiKeySession,
  type RequiredData,
  requireApiKey,
} from './require-api-key.ts';

/** An API-key route: the data it requires and its operation. */
export interface ApiKeyRoute<Id extends RouteId> extends RequiredData<Id> {
  /** Subject of the audit record, for routes whose path does not contain it. */
  readonly subject?: ExtractSubject<Id>;
  /** The operation calls `recordStart` before its effect. Default: it is called before the operation. */
  readonly recordsStart?: 'itself';
  run(input: RouteInput<Id>, session: ApiKeySession, call: RequestState<Id>): Promise<RouteOutput<Id>>;
}

export function apiKeyRoute<Id extends RouteId>(id: Id, auth: ApiKeyAuth, route: ApiKeyRoute<Id>): RouteHandler {
  const chain = middy<ApiKeyCall<Id>, RouteOutput<Id>>(async (state: ApiKeyCall<Id>) => {
    if (state.session === undefined) throw new Error('the request was not authenticated');
    const input = requireInput(state);
    if (route.recordsStart === undefined) await state.recordStart?.();
    return await route.run(input, state.session, state);
  });
  return chain.use(parseRequest(id, route.subject)).use(requireApiKey(id, auth, route)) as RouteHandler;
}
