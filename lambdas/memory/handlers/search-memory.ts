import type { UserAuthenticator } from '../../users/middleware/authenticate-user.ts';
import { userRouteHandler } from '../../users/middleware/user-routes.ts';
import type { MemoryReader } from '../memory-reader.ts';

export const searchMemory = (authenticator: UserAuthenticator, reader: MemoryReader) =>
  userRouteHandler('searchMemory', authenticator, {
    run: async ({ body }, user) => await reader.search(user, body),
  });
