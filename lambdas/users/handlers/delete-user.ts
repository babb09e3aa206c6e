import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import type { Users } from '../user-admin-service.ts';

export const deleteUser = (gate: Gate, users: Users) =>
  memberChain('deleteUser', gate, { run: async ({ params }, { caller }) => await users.delete(caller.org, params.id) });
