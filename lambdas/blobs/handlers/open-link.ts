import type { ViewerAddress } from '../../middleware/viewer-address.ts';
import { linkRoute } from '../middleware/link-route.ts';
import type { ShareLinkService } from '../share-link-service.ts';

export const openLink = (shareLinks: ShareLinkService, viewerAddress: ViewerAddress) =>
  linkRoute('openLink', viewerAddress, {
    verifyProof: async ({ params, body }) => await shareLinks.verifyProof(params.link, 'open', body.proof),
    run: async (proven, { body }) => await shareLinks.open(proven, body.opening),
  });
