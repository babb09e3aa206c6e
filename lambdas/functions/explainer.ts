import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createExplainerServices } from '../compose/explain.ts';
import { explain } from '../explain/handlers/explain.ts';
import { explainForUser } from '../explain/handlers/explain-for-user.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';

const { gate, userGate, explaining } = createExplainerServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  explain: explain(gate, explaining),
  explainOwn: explainForUser(userGate, explaining),
});
