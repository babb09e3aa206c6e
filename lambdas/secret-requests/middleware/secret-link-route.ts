import middy from '@middy/core';
import type { RouteInput, RouteOutput } from '../../../contract/route-schemas.ts';
import { parseRequest } from '../../middleware/parse-request.ts';
import { type RequestState, type RouteHandler, requireInput } from '../../middleware/request-state.ts';
import type { ViewerAddress } from '../../middleware/viewer-address.ts';
import type { VerifiedSecretLink } from '../secret-link-service.ts';

type SecretLinkRouteId = 'lookAtSecretRequest' | 'fillSecretRequest' | 'denySecretRequest';

/** A route that requires proof of knowledge of a link's secret: the verification and the operation. */
interface SecretLinkRoute<Id extends SecretLinkRouteId> {
  verifyProof(input: RouteInput<Id>): Promise<VerifiedSecretLink>;
  run(link: VerifiedSecretLink, input: RouteInput<Id>): Promise<RouteOutput<Id>>;
}

/**
 * Audited under the org of the request once the proof is verified, with the name of the value. Requests without a valid
 * proof are only logged, because anyone can send them.
 */
export function secretLinkRoute<Id extends SecretLinkRouteId>(
  id: Id,
  viewerAddress: ViewerAddress,
  route: SecretLinkRoute<Id>,
): RouteHandler {
  const chain = middy<RequestState<Id>, RouteOutput<Id>>(async (state: RequestState<Id>) => {
    const input = requireInput(state);
    const link = await route.verifyProof(input);
    state.actor = { org: link.id.org, principal: `request:${link.id.id}` };
    state.auditSubject = link.request.name;
    state.viewerIp = viewerAddress(state.event.headers);
    await state.recordStart?.();
    return await route.run(link, input);
  });
  return chain.use(parseRequest(id)) as RouteHandler;
}
