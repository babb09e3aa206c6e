import type { Accounts } from '../account-service.ts';
import type { UserGate } from '../middleware/user-auth.ts';
import { userChain } from '../middleware/user-route-chains.ts';

export const getAccount = (gate: UserGate, accounts: Accounts) =>
  userChain('getAccount', gate, { run: async (_, user) => accounts.read(user) });
