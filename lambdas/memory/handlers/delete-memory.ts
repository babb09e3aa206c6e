import type { UserAuthenticator } from '../../users/middleware/authenticate-user.ts';
import { userRouteHandler } from '../../users/middleware/user-routes.ts';
import { memoryRecordKeys } from '../../users/user-record-encryption.ts';
import type { MemoryWriter } from '../memory-writer.ts';

export const deleteMemory = (authenticator: UserAuthenticator, writer: MemoryWriter) =>
  userRouteHandler('deleteMemory', authenticator, {
    records: ({ params }) => memoryRecordKeys(params.id),
    run: async ({ params }, user) => await writer.delete(user, params.id),
  });
