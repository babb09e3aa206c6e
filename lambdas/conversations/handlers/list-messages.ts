import type { UserGate } from '../../users/middleware/user-auth.ts';
import { userChain } from '../../users/middleware/user-route-chains.ts';
import type { MessageReader } from '../message-reader.ts';

export const listMessages = (gate: UserGate, messages: MessageReader) =>
  userChain('listMessages', gate, {
    run: async ({ query }, user) => await messages.list(user, query),
  });
