import { auditTrail, log } from '../compose/common.ts';
import { usersHost } from '../compose/users.ts';
import { serve } from '../middleware/lambda-handler.ts';
import { createUser } from '../users/handlers/create-user.ts';
import { deleteUser } from '../users/handlers/delete-user.ts';
import { listUsers } from '../users/handlers/list-users.ts';

const { gate, users } = usersHost();

export const handler = serve(log(), auditTrail(), {
  createUser: createUser(gate, users),
  listUsers: listUsers(gate, users),
  deleteUser: deleteUser(gate, users),
});
