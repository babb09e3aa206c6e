import type { Accounts } from '../domain/accounts.ts';
import type { UserGate } from '../middleware/user.ts';
import { userChain } from '../middleware/user-chains.ts';

export const getAccount = (gate: UserGate, accounts: Accounts) =>
  userChain('getAccount', gate, { run: async (_, user) => accounts.read(user) });
