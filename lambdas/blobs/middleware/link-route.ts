/** The middleware of routes for holders of a link. */
import middy from '@middy/core';
import type { RouteInput, RouteOutput } from '../../../contract/route-schemas.ts';
import type { RouteId } from '../../../contract/routes.ts';
import { parseRequest } from '../../middleware/parse-request.ts';
import { type RequestState, type RouteHandler, requireInput } from '../../middleware/request-state.ts';
import type { VerifiedLink } from '../share-link-service.ts';

/** A route for whoever proves to know the key of a link: the proof, and what it does then. */
export interface LinkRoute<Id extends RouteId> {
  verifyProof(input: RouteInput<Id>): Promise<VerifiedLink>;
  run(proven: VerifiedLink, input: RouteInput<Id>): Promise<RouteOutput<Id>>;
}

/** It is audited, under the blob's org, from the proof on: what only has the form of a link proves nothing, and is left to the log. */
export function linkRoute<Id extends RouteId>(id: Id, route: LinkRoute<Id>): RouteHandler {
  const chain = middy<RequestState<Id>, RouteOutput<Id>>(async (state: RequestState<Id>) => {
    const proven = await route.verifyProof(requireInput(state));
    state.actor = { org: proven.blob.org, principal: 'link' };
    state.auditSubject = proven.blob.id;
    return await route.run(proven, requireInput(state));
  });
  return chain.use(parseRequest(id)) as RouteHandler;
}
