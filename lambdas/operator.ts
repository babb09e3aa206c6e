import { operatorHost } from './compose.ts';
import { auditTrail, log } from './compose-parts.ts';
import { createOrg } from './handlers/create-org.ts';
import { serve } from './middleware/serve.ts';

const { orgs } = operatorHost();

export const handler = serve(log(), auditTrail(), { createOrg: createOrg(orgs) });
