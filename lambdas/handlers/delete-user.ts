import type { Users } from '../domain/users.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const deleteUser = (gate: Gate, users: Users) =>
  memberChain('deleteUser', gate, { run: async ({ params }, { caller }) => await users.delete(caller.org, params.id) });
