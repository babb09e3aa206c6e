import type { Accounts } from '../domain/accounts.ts';
import { endsSession } from '../domain/sessions.ts';
import type { UserGate } from '../middleware/user.ts';
import { userChain } from '../middleware/user-chains.ts';

export const logOut = (gate: UserGate, accounts: Accounts) =>
  userChain('logOut', gate, {
    run: async (_, user, call) => {
      const ended = await accounts.logOut(user);
      call.cookies = endsSession(user);
      return { ended };
    },
  });
