import type { UserAuthenticator } from '../../users/middleware/user-auth.ts';
import { userRouteHandler } from '../../users/middleware/user-route-chains.ts';
import { memoryRecordKeys } from '../../users/user-record-encryption.ts';
import type { MemoryReader } from '../memory-reader.ts';

export const getMemory = (authenticator: UserAuthenticator, reader: MemoryReader) =>
  userRouteHandler('getMemory', authenticator, {
    records: ({ params }) => memoryRecordKeys(params.id),
    run: async ({ params }, user) => reader.get(user, params.id),
  });
