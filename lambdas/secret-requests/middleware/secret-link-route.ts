/** Middleware of the routes of the page that fills requests. */
import { type ProvenLinkRoute, provenLinkRoute } from '../../middleware/proven-link-route.ts';
import type { RouteHandler } from '../../middleware/request-state.ts';
import type { ViewerAddress } from '../../middleware/viewer-address.ts';
import type { VerifiedSecretLink } from '../secret-link-service.ts';

type SecretLinkRouteId = 'lookAtSecretRequest' | 'fillSecretRequest' | 'denySecretRequest';

/** Audited under the org of the request, with the name of the value. */
export const secretLinkRoute = <Id extends SecretLinkRouteId>(
  id: Id,
  viewerAddress: ViewerAddress,
  route: ProvenLinkRoute<Id, VerifiedSecretLink>,
): RouteHandler => provenLinkRoute(id, viewerAddress, subjectOf, route);

const subjectOf = ({ id, request }: VerifiedSecretLink) => ({
  org: id.org,
  principal: `request:${id.id}`,
  subject: request.name,
});
