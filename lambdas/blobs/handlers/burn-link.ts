import { linkChain } from '../middleware/link-chain.ts';
import type { Links } from '../share-link-service.ts';

export const burnLink = (links: Links) =>
  linkChain('burnLink', {
    prove: async ({ params, body }) => await links.prove(params.link, 'burn', body.proof),
    run: async (proven) => await links.burn(proven),
  });
