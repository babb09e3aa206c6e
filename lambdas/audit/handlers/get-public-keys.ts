import { publicChain } from '../../middleware/route-chains.ts';
import type { PublicKeys } from '../../shared/ports.ts';

export const getPublicKeys = (publicKeys: PublicKeys) =>
  publicChain('getPublicKeys', async () => ({ keys: [...(await publicKeys.list())] }));
