import type { UserAuthenticator } from '../../users/middleware/user-auth.ts';
import { userRouteHandler } from '../../users/middleware/user-route-chains.ts';
import type { MemoryWriter } from '../memory-writer.ts';

export const addMemories = (authenticator: UserAuthenticator, writer: MemoryWriter) =>
  userRouteHandler('addMemories', authenticator, {
    subject: ({ body }, output) => ({
      names: (output?.results ?? body.items).flatMap(({ id }) => id ?? []),
      failed: (output?.results ?? []).flatMap(({ id, ok }) => (ok || id === undefined ? [] : [id])),
    }),
    run: async ({ body }, user) => await writer.addMany(user, body.items),
  });
