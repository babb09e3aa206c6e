import type { UserAuthenticator } from '../../users/middleware/authenticate-user.ts';
import { userRouteHandler } from '../../users/middleware/user-routes.ts';
import type { MemoryWriter } from '../memory-writer.ts';

export const addMemories = (authenticator: UserAuthenticator, writer: MemoryWriter) =>
  userRouteHandler('addMemories', authenticator, {
    subject: ({ body }, output) => ({
      names: (output?.results ?? body.items).flatMap(({ id }) => id ?? []),
      failed: (output?.results ?? []).flatMap(({ id, ok }) => (ok || id === undefined ? [] : [id])),
    }),
    run: async ({ body }, user) => await writer.addMany(user, body.items),
  });
