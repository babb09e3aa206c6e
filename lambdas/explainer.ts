import { auditTrail, log } from './compose-parts.ts';
import { explainerHost } from './compose-users.ts';
import { explain } from './handlers/explain.ts';
import { explainOwn } from './handlers/explain-own.ts';
import { serve } from './middleware/serve.ts';

const { gate, userGate, explaining } = explainerHost();

export const handler = serve(log(), auditTrail(), {
  explain: explain(gate, explaining),
  explainOwn: explainOwn(userGate, explaining),
});
