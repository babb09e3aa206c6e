import type { UserAuthenticator } from '../../users/middleware/user-auth.ts';
import { userRouteHandler } from '../../users/middleware/user-route-chains.ts';
import type { MemoryWriter } from '../memory-writer.ts';

export const addMemory = (authenticator: UserAuthenticator, writer: MemoryWriter) =>
  userRouteHandler('addMemory', authenticator, {
    subject: ({ body }, output) => ({ name: output?.id ?? body.id }),
    run: async ({ body }, user) => await writer.add(user, body),
  });
