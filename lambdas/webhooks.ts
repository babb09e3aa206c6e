import { auditTrail, log } from './compose-parts.ts';
import { webhooksHost } from './compose-users.ts';
import { receiveMessages } from './handlers/receive-messages.ts';
import { serve } from './middleware/serve.ts';

const { receiving, publicUrl } = webhooksHost();

export const handler = serve(log(), auditTrail(), receiveMessages(receiving, publicUrl));
