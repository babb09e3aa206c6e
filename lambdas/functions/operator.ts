import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createOperatorServices } from '../compose/orgs.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import { createOrg } from '../orgs/handlers/create-org.ts';

const { orgs } = createOperatorServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), { createOrg: createOrg(orgs) });
