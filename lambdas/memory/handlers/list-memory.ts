import type { UserAuthenticator } from '../../users/middleware/authenticate-user.ts';
import { userRouteHandler } from '../../users/middleware/user-routes.ts';
import type { MemoryReader } from '../memory-reader.ts';

export const listMemory = (authenticator: UserAuthenticator, reader: MemoryReader) =>
  userRouteHandler('listMemory', authenticator, {
    run: async ({ query }, user) => await reader.list(user, query),
  });
