import type { MemoryWriting } from '../domain/memory-writing.ts';
import type { UserGate } from '../middleware/user.ts';
import { userChain } from '../middleware/user-chains.ts';

export const addMemory = (gate: UserGate, writing: MemoryWriting) =>
  userChain('addMemory', gate, {
    run: async ({ body }, user) => await writing.add(user, body),
  });
