import type { Accounts } from '../domain/accounts.ts';
import type { Confirming } from '../domain/confirming.ts';
import { endsSession } from '../domain/sessions.ts';
import type { UserGate } from '../middleware/user.ts';
import { userChain } from '../middleware/user-chains.ts';

export const removeSlot = (gate: UserGate, confirming: Confirming, accounts: Accounts) =>
  userChain('removeSlot', gate, {
    run: async ({ params, body }, user, call) => {
      await confirming.confirmRemoval(user, params.id, body.currentPassword);
      const account = await accounts.removeSlot(user, params.id);
      if (params.id === user.slot.id) call.cookies = endsSession(user);
      return account;
    },
  });
