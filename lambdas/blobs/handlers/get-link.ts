import { publicRoute } from '../../middleware/route-handlers.ts';
import type { ShareLinkService } from '../share-link-service.ts';

export const getLink = (shareLinks: ShareLinkService) =>
  publicRoute('lookAtLink', async ({ params }) => await shareLinks.getPreview(params.link));
