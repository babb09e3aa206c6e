import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import type { Users } from '../user-admin-service.ts';

export const createUser = (gate: Gate, users: Users) =>
  memberChain('createUser', gate, {
    subject: (_, output) => ({ name: output?.user }),
    run: async (_, { caller, stored }) => await users.create(caller.org, stored()),
  });
