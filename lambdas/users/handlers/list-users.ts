import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import type { Users } from '../user-admin-service.ts';

export const listUsers = (gate: Gate, users: Users) =>
  memberChain('listUsers', gate, { run: async ({ query }, { caller }) => await users.list(caller.org, query) });
