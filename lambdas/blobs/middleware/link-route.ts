/** Middleware of the share-link routes. */
import type { RouteId } from '../../../contract/routes.ts';
import { type ProvenLinkRoute, provenLinkRoute } from '../../middleware/proven-link-route.ts';
import type { RouteHandler } from '../../middleware/request-state.ts';
import type { ViewerAddress } from '../../middleware/viewer-address.ts';
import type { VerifiedLink } from '../share-link-service.ts';

/** Audited under the blob's org, with the id of the blob. */
export const linkRoute = <Id extends RouteId>(
  id: Id,
  viewerAddress: ViewerAddress,
  route: ProvenLinkRoute<Id, VerifiedLink>,
): RouteHandler =>
  provenLinkRoute(id, viewerAddress, ({ blob }) => ({ org: blob.org, principal: 'link', subject: blob.id }), route);
