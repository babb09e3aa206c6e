import type { UserGate } from '../middleware/user-auth.ts';
import { userChain } from '../middleware/user-route-chains.ts';
import type { Passwords } from '../password-service.ts';

export const setPassword = (gate: UserGate, passwords: Passwords) =>
  userChain('setPassword', gate, { run: async ({ body }, user) => await passwords.set(user, body) });
