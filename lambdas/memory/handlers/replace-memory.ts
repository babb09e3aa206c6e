import type { UserAuthenticator } from '../../users/middleware/user-auth.ts';
import { userRouteHandler } from '../../users/middleware/user-route-chains.ts';
import { memoryRecordKeys } from '../../users/user-record-encryption.ts';
import type { MemoryWriter } from '../memory-writer.ts';

export const replaceMemory = (authenticator: UserAuthenticator, writer: MemoryWriter) =>
  userRouteHandler('replaceMemory', authenticator, {
    records: ({ params }) => memoryRecordKeys(params.id),
    run: async ({ params, body }, user) => await writer.replace(user, params.id, body),
  });
