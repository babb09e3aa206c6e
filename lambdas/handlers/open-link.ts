import type { Links } from '../domain/links.ts';
import { linkChain } from '../middleware/chains.ts';

export const openLink = (links: Links) =>
  linkChain('openLink', {
    prove: async ({ params, body }) => await links.prove(params.link, 'open', body.proof),
    run: async (proven, { body }) => await links.open(proven, body.opening),
  });
