import type { Accounts } from '../account-service.ts';
import type { UserGate } from '../middleware/user-auth.ts';
import { userChain } from '../middleware/user-route-chains.ts';

export const changeUserKey = (gate: UserGate, accounts: Accounts) =>
  userChain('changeUserKey', gate, { run: async ({ body }, user) => await accounts.changeKey(user, body.newKey) });
