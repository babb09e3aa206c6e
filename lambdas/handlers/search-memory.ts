import type { MemoryReading } from '../domain/memory-reading.ts';
import type { UserGate } from '../middleware/user.ts';
import { userChain } from '../middleware/user-chains.ts';

export const searchMemory = (gate: UserGate, reading: MemoryReading) =>
  userChain('searchMemory', gate, {
    run: async ({ body }, user) => await reading.search(user, body),
  });
