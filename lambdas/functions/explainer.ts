import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createExplainerServices } from '../compose/explain.ts';
import { explain } from '../explain/handlers/explain.ts';
import { explainForUser } from '../explain/handlers/explain-for-user.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';

const { apiKeyAuth, userAuthenticator, explainService } = createExplainerServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  explain: explain(apiKeyAuth, explainService),
  explainOwn: explainForUser(userAuthenticator, explainService),
});
