import type { MemoryWriting } from '../domain/memory-writing.ts';
import { memoryKeys } from '../domain/user-records.ts';
import type { UserGate } from '../middleware/user.ts';
import { userChain } from '../middleware/user-chains.ts';

export const deleteMemory = (gate: UserGate, writing: MemoryWriting) =>
  userChain('deleteMemory', gate, {
    records: ({ params }) => memoryKeys(params.id),
    run: async ({ params }, user) => await writing.delete(user, params.id),
  });
