import type { Passwords } from '../domain/passwords.ts';
import type { UserGate } from '../middleware/user.ts';
import { userChain } from '../middleware/user-chains.ts';

export const setPassword = (gate: UserGate, passwords: Passwords) =>
  userChain('setPassword', gate, { run: async ({ body }, user) => await passwords.set(user, body) });
