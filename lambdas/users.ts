import { auditTrail, log } from './compose-parts.ts';
import { usersHost } from './compose-users.ts';
import { createUser } from './handlers/create-user.ts';
import { deleteUser } from './handlers/delete-user.ts';
import { listUsers } from './handlers/list-users.ts';
import { serve } from './middleware/serve.ts';

const { gate, users } = usersHost();

export const handler = serve(log(), auditTrail(), {
  createUser: createUser(gate, users),
  listUsers: listUsers(gate, users),
  deleteUser: deleteUser(gate, users),
});
