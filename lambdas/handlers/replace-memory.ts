import type { MemoryWriting } from '../domain/memory-writing.ts';
import { memoryKeys } from '../domain/user-records.ts';
import type { UserGate } from '../middleware/user.ts';
import { userChain } from '../middleware/user-chains.ts';

export const replaceMemory = (gate: UserGate, writing: MemoryWriting) =>
  userChain('replaceMemory', gate, {
    records: ({ params }) => memoryKeys(params.id),
    run: async ({ params, body }, user) => await writing.replace(user, params.id, body),
  });
