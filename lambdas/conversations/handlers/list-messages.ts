import type { MemoryReading } from '../../memory/memory-reader.ts';
import type { UserGate } from '../../users/middleware/user-auth.ts';
import { userChain } from '../../users/middleware/user-route-chains.ts';

export const listMessages = (gate: UserGate, reading: MemoryReading) =>
  userChain('listMessages', gate, {
    run: async ({ query }, user) => await reading.messages(user, query),
  });
