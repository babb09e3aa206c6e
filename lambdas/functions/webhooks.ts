import { auditTrail, log } from '../compose/common.ts';
import { webhooksHost } from '../compose/conversations.ts';
import { receiveMessages } from '../conversations/handlers/receive-webhook.ts';
import { serve } from '../middleware/lambda-handler.ts';

const { receiving, publicUrl } = webhooksHost();

export const handler = serve(log(), auditTrail(), receiveMessages(receiving, publicUrl));
