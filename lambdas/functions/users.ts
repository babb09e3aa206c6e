import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createUserServices } from '../compose/users.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import { createUser } from '../users/handlers/create-user.ts';
import { deleteUser } from '../users/handlers/delete-user.ts';
import { listUsers } from '../users/handlers/list-users.ts';

const { apiKeyAuth, users } = createUserServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  createUser: createUser(apiKeyAuth, users),
  listUsers: listUsers(apiKeyAuth, users),
  deleteUser: deleteUser(apiKeyAuth, users),
});
