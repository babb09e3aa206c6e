import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createUserServices } from '../compose/users.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import { createUser } from '../users/handlers/create-user.ts';
import { deleteUser } from '../users/handlers/delete-user.ts';
import { listUsers } from '../users/handlers/list-users.ts';

const { gate, users } = createUserServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  createUser: createUser(gate, users),
  listUsers: listUsers(gate, users),
  deleteUser: deleteUser(gate, users),
});
