import type { Links } from '../domain/links.ts';
import { linkChain } from '../middleware/chains.ts';

export const burnLink = (links: Links) =>
  linkChain('burnLink', {
    prove: async ({ params, body }) => await links.prove(params.link, 'burn', body.proof),
    run: async (proven) => await links.burn(proven),
  });
