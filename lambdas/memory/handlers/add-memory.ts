import type { UserAuthenticator } from '../../users/middleware/authenticate-user.ts';
import { userRouteHandler } from '../../users/middleware/user-routes.ts';
import type { MemoryWriter } from '../memory-writer.ts';

export const addMemory = (authenticator: UserAuthenticator, writer: MemoryWriter) =>
  userRouteHandler('addMemory', authenticator, {
    subject: ({ body }, output) => ({ name: output?.id ?? body.id }),
    run: async ({ body }, user) => await writer.add(user, body),
  });
