import type { PublicKeys } from '../domain/ports.ts';
import { publicChain } from '../middleware/chains.ts';

export const getPublicKeys = (publicKeys: PublicKeys) =>
  publicChain('getPublicKeys', async () => ({ keys: [...(await publicKeys.list())] }));
