import type { MemoryReading } from '../domain/memory-reading.ts';
import type { UserGate } from '../middleware/user.ts';
import { userChain } from '../middleware/user-chains.ts';

export const listMemory = (gate: UserGate, reading: MemoryReading) =>
  userChain('listMemory', gate, {
    run: async ({ query }, user) => await reading.list(user, query),
  });
