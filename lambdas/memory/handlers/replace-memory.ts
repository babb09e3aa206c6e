import type { UserGate } from '../../users/middleware/user-auth.ts';
import { userChain } from '../../users/middleware/user-route-chains.ts';
import { memoryKeys } from '../../users/user-record-encryption.ts';
import type { MemoryWriting } from '../memory-writer.ts';

export const replaceMemory = (gate: UserGate, writing: MemoryWriting) =>
  userChain('replaceMemory', gate, {
    records: ({ params }) => memoryKeys(params.id),
    run: async ({ params, body }, user) => await writing.replace(user, params.id, body),
  });
