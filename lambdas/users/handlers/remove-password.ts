import type { UserGate } from '../middleware/user-auth.ts';
import { userChain } from '../middleware/user-route-chains.ts';
import type { Passwords } from '../password-service.ts';
import type { Confirming } from '../reauthentication.ts';
import { endsSession } from '../session-cookie.ts';

export const removePassword = (gate: UserGate, confirming: Confirming, passwords: Passwords) =>
  userChain('removePassword', gate, {
    run: async ({ body }, user, state) => {
      await confirming.confirm(user, body.currentPassword);
      const account = await passwords.remove(user);
      state.cookies = endsSession(user);
      return account;
    },
  });
