import { linkChain } from '../middleware/link-chain.ts';
import type { Links } from '../share-link-service.ts';

export const openLink = (links: Links) =>
  linkChain('openLink', {
    prove: async ({ params, body }) => await links.prove(params.link, 'open', body.proof),
    run: async (proven, { body }) => await links.open(proven, body.opening),
  });
