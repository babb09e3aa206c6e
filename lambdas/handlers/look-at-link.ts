import type { Links } from '../domain/links.ts';
import { publicChain } from '../middleware/chains.ts';

export const lookAtLink = (links: Links) =>
  publicChain('lookAtLink', async ({ params }) => await links.look(params.link));
