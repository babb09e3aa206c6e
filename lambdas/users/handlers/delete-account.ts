import type { UserGate } from '../middleware/user-auth.ts';
import { userChain } from '../middleware/user-route-chains.ts';
import type { Confirming } from '../reauthentication.ts';
import { endsSession } from '../session-cookie.ts';
import type { DeletingUsers } from '../user-deletion-service.ts';

export const deleteAccount = (gate: UserGate, confirming: Confirming, deleting: DeletingUsers) =>
  userChain('deleteAccount', gate, {
    run: async ({ body }, user, state) => {
      await confirming.confirm(user, body.currentPassword);
      const answer = await deleting.delete(user.owner);
      state.cookies = endsSession(user);
      return answer;
    },
  });
