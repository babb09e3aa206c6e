import type { Accounts } from '../account-service.ts';
import type { UserGate } from '../middleware/user-auth.ts';
import { userChain } from '../middleware/user-route-chains.ts';
import { endsSession } from '../session-cookie.ts';

export const logOut = (gate: UserGate, accounts: Accounts) =>
  userChain('logOut', gate, {
    run: async (_, user, state) => {
      const ended = await accounts.logOut(user);
      state.cookies = endsSession(user);
      return { ended };
    },
  });
