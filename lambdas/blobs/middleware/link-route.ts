/** Middleware of the share-link routes. */
import middy from '@middy/core';
import type { RouteInput, RouteOutput } from '../../../contract/route-schemas.ts';
import type { RouteId } from '../../../contract/routes.ts';
import { parseRequest } from '../../middleware/parse-request.ts';
import { type RequestState, type RouteHandler, requireInput } from '../../middleware/request-state.ts';
import type { ViewerAddress } from '../../middleware/viewer-address.ts';
import type { VerifiedLink } from '../share-link-service.ts';

/** A route that requires proof of knowledge of a link's key: the verification and the operation. */
export interface LinkRoute<Id extends RouteId> {
  verifyProof(input: RouteInput<Id>): Promise<VerifiedLink>;
  run(proven: VerifiedLink, input: RouteInput<Id>): Promise<RouteOutput<Id>>;
}

/**
 * Audited under the blob's org once the proof is verified. Requests without a valid proof are only logged, because
 * anyone can send them.
 */
export function linkRoute<Id extends RouteId>(
  id: Id,
  viewerAddress: ViewerAddress,
  route: LinkRoute<Id>,
): RouteHandler {
  const chain = middy<RequestState<Id>, RouteOutput<Id>>(async (state: RequestState<Id>) => {
    const proven = await route.verifyProof(requireInput(state));
    state.actor = { org: proven.blob.org, principal: 'link' };
    state.auditSubject = proven.blob.id;
    state.viewerIp = viewerAddress(state.event.headers);
    await state.recordStart?.();
    return await route.run(proven, requireInput(state));
  });
  return chain.use(parseRequest(id)) as RouteHandler;
}
