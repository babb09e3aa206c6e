import { auditTrail, log } from '../compose/common.ts';
import { operatorHost } from '../compose/orgs.ts';
import { serve } from '../middleware/lambda-handler.ts';
import { createOrg } from '../orgs/handlers/create-org.ts';

const { orgs } = operatorHost();

export const handler = serve(log(), auditTrail(), { createOrg: createOrg(orgs) });
