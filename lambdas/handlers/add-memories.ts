import type { MemoryWriting } from '../domain/memory-writing.ts';
import type { UserGate } from '../middleware/user.ts';
import { userChain } from '../middleware/user-chains.ts';

export const addMemories = (gate: UserGate, writing: MemoryWriting) =>
  userChain('addMemories', gate, {
    run: async ({ body }, user) => await writing.addMany(user, body.items),
  });
