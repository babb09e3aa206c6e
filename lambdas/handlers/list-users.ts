import type { Users } from '../domain/users.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const listUsers = (gate: Gate, users: Users) =>
  memberChain('listUsers', gate, { run: async ({ query }, { caller }) => await users.list(caller.org, query) });
