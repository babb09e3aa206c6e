import { publicRoute } from '../../middleware/route-handlers.ts';
import type { PublicKeySource } from '../../shared/ports.ts';
import { applicationServerKeyOf } from '../vapid.ts';

export const getPushKey = (keys: PublicKeySource) =>
  publicRoute('getPushKey', async () => {
    const [key] = await keys.list();
    if (key === undefined) throw new Error('the deployment has no key for push notices');
    return { applicationServerKey: applicationServerKeyOf(key) };
  });
