import type { MemoryReading } from '../domain/memory-reading.ts';
import type { UserGate } from '../middleware/user.ts';
import { userChain } from '../middleware/user-chains.ts';

export const listMessages = (gate: UserGate, reading: MemoryReading) =>
  userChain('listMessages', gate, {
    run: async ({ query }, user) => await reading.messages(user, query),
  });
