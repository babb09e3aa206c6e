import type { UserAuthenticator } from '../../users/middleware/user-auth.ts';
import { userRouteHandler } from '../../users/middleware/user-route-chains.ts';
import type { MemoryReader } from '../memory-reader.ts';

export const listMemory = (authenticator: UserAuthenticator, reader: MemoryReader) =>
  userRouteHandler('listMemory', authenticator, {
    run: async ({ query }, user) => await reader.list(user, query),
  });
