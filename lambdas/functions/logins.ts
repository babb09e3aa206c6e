import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createWorkloadLoginServices } from '../compose/logins.ts';
import { logInWithAws } from '../logins/handlers/log-in-with-aws.ts';
import { logInWithOidc } from '../logins/handlers/log-in-with-oidc.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';

const service = createWorkloadLoginServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  logInWithOidc: logInWithOidc(service),
  logInWithAws: logInWithAws(service),
});
