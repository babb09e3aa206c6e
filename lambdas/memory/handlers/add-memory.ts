import type { UserGate } from '../../users/middleware/user-auth.ts';
import { userChain } from '../../users/middleware/user-route-chains.ts';
import type { MemoryWriting } from '../memory-writer.ts';

export const addMemory = (gate: UserGate, writing: MemoryWriting) =>
  userChain('addMemory', gate, {
    subject: ({ body }, output) => ({ name: output?.id ?? body.id }),
    run: async ({ body }, user) => await writing.add(user, body),
  });
