import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createWebhookServices } from '../compose/conversations.ts';
import { receiveWebhooks } from '../conversations/handlers/receive-webhooks.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';

const { webhookReceiver, publicUrl } = createWebhookServices();

export const handler = createLambdaHandler(
  createFunctionLog(),
  createAuditLog(),
  receiveWebhooks(webhookReceiver, publicUrl),
);
