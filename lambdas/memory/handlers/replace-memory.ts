import type { UserAuthenticator } from '../../users/middleware/authenticate-user.ts';
import { userRouteHandler } from '../../users/middleware/user-routes.ts';
import { memoryRecordKeys } from '../../users/user-record-encryption.ts';
import type { MemoryWriter } from '../memory-writer.ts';

export const replaceMemory = (authenticator: UserAuthenticator, writer: MemoryWriter) =>
  userRouteHandler('replaceMemory', authenticator, {
    records: ({ params }) => memoryRecordKeys(params.id),
    run: async ({ params, body }, user) => await writer.replace(user, params.id, body),
  });
