import type { Confirming } from '../domain/confirming.ts';
import type { DeletingUsers } from '../domain/deleting-users.ts';
import { endsSession } from '../domain/sessions.ts';
import type { UserGate } from '../middleware/user.ts';
import { userChain } from '../middleware/user-chains.ts';

export const deleteAccount = (gate: UserGate, confirming: Confirming, deleting: DeletingUsers) =>
  userChain('deleteAccount', gate, {
    run: async ({ body }, user, call) => {
      await confirming.confirm(user, body.currentPassword);
      const answer = await deleting.delete(user.owner);
      call.cookies = endsSession(user);
      return answer;
    },
  });
