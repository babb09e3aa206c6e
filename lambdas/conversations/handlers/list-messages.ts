import type { UserAuthenticator } from '../../users/middleware/authenticate-user.ts';
import { userRouteHandler } from '../../users/middleware/user-routes.ts';
import type { MessageReader } from '../message-reader.ts';

export const listMessages = (authenticator: UserAuthenticator, messages: MessageReader) =>
  userRouteHandler('listMessages', authenticator, {
    run: async ({ query }, user) => await messages.list(user, query),
  });
