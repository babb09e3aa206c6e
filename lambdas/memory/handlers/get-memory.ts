import type { UserGate } from '../../users/middleware/user-auth.ts';
import { userChain } from '../../users/middleware/user-route-chains.ts';
import { memoryKeys } from '../../users/user-record-encryption.ts';
import type { MemoryReading } from '../memory-reader.ts';

export const getMemory = (gate: UserGate, reading: MemoryReading) =>
  userChain('getMemory', gate, {
    records: ({ params }) => memoryKeys(params.id),
    run: async ({ params }, user) => reading.get(user, params.id),
  });
