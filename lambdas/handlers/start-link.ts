import type { Confirming } from '../domain/confirming.ts';
import type { Linking } from '../domain/linking.ts';
import type { UserGate } from '../middleware/user.ts';
import { userChain } from '../middleware/user-chains.ts';

export const startLink = (gate: UserGate, confirming: Confirming, linking: Linking) =>
  userChain('startLink', gate, {
    run: async ({ body }, user) => {
      await confirming.confirm(user, body.currentPassword);
      return await linking.start(user);
    },
  });
