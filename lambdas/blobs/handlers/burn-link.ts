import type { ViewerAddress } from '../../middleware/viewer-address.ts';
import { linkRoute } from '../middleware/link-route.ts';
import type { ShareLinkService } from '../share-link-service.ts';

export const burnLink = (shareLinks: ShareLinkService, viewerAddress: ViewerAddress) =>
  linkRoute('burnLink', viewerAddress, {
    verifyProof: async ({ params, body }) => await shareLinks.verifyProof(params.link, 'burn', body.proof),
    run: async (proven) => await shareLinks.burn(proven),
  });
