import { auditTrail, log } from '../compose/common.ts';
import { explainerHost } from '../compose/explain.ts';
import { explain } from '../explain/handlers/explain.ts';
import { explainOwn } from '../explain/handlers/explain-account.ts';
import { serve } from '../middleware/lambda-handler.ts';

const { gate, userGate, explaining } = explainerHost();

export const handler = serve(log(), auditTrail(), {
  explain: explain(gate, explaining),
  explainOwn: explainOwn(userGate, explaining),
});
