import type { Confirming } from '../domain/confirming.ts';
import type { Passwords } from '../domain/passwords.ts';
import { endsSession } from '../domain/sessions.ts';
import type { UserGate } from '../middleware/user.ts';
import { userChain } from '../middleware/user-chains.ts';

export const removePassword = (gate: UserGate, confirming: Confirming, passwords: Passwords) =>
  userChain('removePassword', gate, {
    run: async ({ body }, user, call) => {
      await confirming.confirm(user, body.currentPassword);
      const account = await passwords.remove(user);
      call.cookies = endsSession(user);
      return account;
    },
  });
