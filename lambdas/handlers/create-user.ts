import type { Users } from '../domain/users.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const createUser = (gate: Gate, users: Users) =>
  memberChain('createUser', gate, { run: async (_, { caller, stored }) => await users.create(caller.org, stored()) });
