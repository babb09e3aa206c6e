import type { UserGate } from '../../users/middleware/user-auth.ts';
import { userChain } from '../../users/middleware/user-route-chains.ts';
import type { MemoryReading } from '../memory-reader.ts';

export const listMemory = (gate: UserGate, reading: MemoryReading) =>
  userChain('listMemory', gate, {
    run: async ({ query }, user) => await reading.list(user, query),
  });
