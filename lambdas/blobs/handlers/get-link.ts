import { publicChain } from '../../middleware/route-chains.ts';
import type { Links } from '../share-link-service.ts';

export const lookAtLink = (links: Links) =>
  publicChain('lookAtLink', async ({ params }) => await links.look(params.link));
