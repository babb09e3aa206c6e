import type { UserGate } from '../../users/middleware/user-auth.ts';
import { userChain } from '../../users/middleware/user-route-chains.ts';
import { memoryKeys } from '../../users/user-record-encryption.ts';
import type { MemoryWriting } from '../memory-writer.ts';

export const deleteMemory = (gate: UserGate, writing: MemoryWriting) =>
  userChain('deleteMemory', gate, {
    records: ({ params }) => memoryKeys(params.id),
    run: async ({ params }, user) => await writing.delete(user, params.id),
  });
