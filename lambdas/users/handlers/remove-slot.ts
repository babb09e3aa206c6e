import type { Accounts } from '../account-service.ts';
import type { UserGate } from '../middleware/user-auth.ts';
import { userChain } from '../middleware/user-route-chains.ts';
import type { Confirming } from '../reauthentication.ts';
import { endsSession } from '../session-cookie.ts';

export const removeSlot = (gate: UserGate, confirming: Confirming, accounts: Accounts) =>
  userChain('removeSlot', gate, {
    run: async ({ params, body }, user, state) => {
      await confirming.confirmRemoval(user, params.id, body.currentPassword);
      const account = await accounts.removeSlot(user, params.id);
      if (params.id === user.slot.id) state.cookies = endsSession(user);
      return account;
    },
  });
