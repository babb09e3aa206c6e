import type { UserAuthenticator } from '../../users/middleware/authenticate-user.ts';
import { userRouteHandler } from '../../users/middleware/user-routes.ts';
import { memoryRecordKeys } from '../../users/user-record-encryption.ts';
import type { MemoryReader } from '../memory-reader.ts';

export const getMemory = (authenticator: UserAuthenticator, reader: MemoryReader) =>
  userRouteHandler('getMemory', authenticator, {
    records: ({ params }) => memoryRecordKeys(params.id),
    run: async ({ params }, user) => reader.get(user, params.id),
  });
