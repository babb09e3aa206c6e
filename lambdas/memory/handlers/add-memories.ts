import type { UserGate } from '../../users/middleware/user-auth.ts';
import { userChain } from '../../users/middleware/user-route-chains.ts';
import type { MemoryWriting } from '../memory-writer.ts';

export const addMemories = (gate: UserGate, writing: MemoryWriting) =>
  userChain('addMemories', gate, {
    run: async ({ body }, user) => await writing.addMany(user, body.items),
  });
