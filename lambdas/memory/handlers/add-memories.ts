import type { UserGate } from '../../users/middleware/user-auth.ts';
import { userChain } from '../../users/middleware/user-route-chains.ts';
import type { MemoryWriting } from '../memory-writer.ts';

export const addMemories = (gate: UserGate, writing: MemoryWriting) =>
  userChain('addMemories', gate, {
    subject: ({ body }, output) => ({
      names: (output?.results ?? body.items).flatMap(({ id }) => id ?? []),
      failed: (output?.results ?? []).flatMap(({ id, ok }) => (ok || id === undefined ? [] : [id])),
    }),
    run: async ({ body }, user) => await writing.addMany(user, body.items),
  });
