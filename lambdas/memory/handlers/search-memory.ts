import type { UserGate } from '../../users/middleware/user-auth.ts';
import { userChain } from '../../users/middleware/user-route-chains.ts';
import type { MemoryReading } from '../memory-reader.ts';

export const searchMemory = (gate: UserGate, reading: MemoryReading) =>
  userChain('searchMemory', gate, {
    run: async ({ body }, user) => await reading.search(user, body),
  });
