import type { Linking } from '../identity-linking-service.ts';
import type { UserGate } from '../middleware/user-auth.ts';
import { userChain } from '../middleware/user-route-chains.ts';
import type { Confirming } from '../reauthentication.ts';

export const startLink = (gate: UserGate, confirming: Confirming, linking: Linking) =>
  userChain('startLink', gate, {
    run: async ({ body }, user) => {
      await confirming.confirm(user, body.currentPassword);
      return await linking.start(user);
    },
  });
