import type { Accounts } from '../domain/accounts.ts';
import type { UserGate } from '../middleware/user.ts';
import { userChain } from '../middleware/user-chains.ts';

export const changeUserKey = (gate: UserGate, accounts: Accounts) =>
  userChain('changeUserKey', gate, { run: async ({ body }, user) => await accounts.changeKey(user, body.newKey) });
