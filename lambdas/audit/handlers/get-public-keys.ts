import { publicRoute } from '../../middleware/route-handlers.ts';
import type { PublicKeySource } from '../../shared/ports.ts';

export const getPublicKeys = (publicKeys: PublicKeySource) =>
  publicRoute('getPublicKeys', async () => ({ keys: [...(await publicKeys.list())] }));
