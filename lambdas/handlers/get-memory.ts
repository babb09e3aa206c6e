import type { MemoryReading } from '../domain/memory-reading.ts';
import { memoryKeys } from '../domain/user-records.ts';
import type { UserGate } from '../middleware/user.ts';
import { userChain } from '../middleware/user-chains.ts';

export const getMemory = (gate: UserGate, reading: MemoryReading) =>
  userChain('getMemory', gate, {
    records: ({ params }) => memoryKeys(params.id),
    run: async ({ params }, user) => reading.get(user, params.id),
  });
