import type { UserAuthenticator } from '../../users/middleware/user-auth.ts';
import { userRouteHandler } from '../../users/middleware/user-route-chains.ts';
import type { MemoryReader } from '../memory-reader.ts';

export const searchMemory = (authenticator: UserAuthenticator, reader: MemoryReader) =>
  userRouteHandler('searchMemory', authenticator, {
    run: async ({ body }, user) => await reader.search(user, body),
  });
