import { unavailableAuditLog } from '../audit/audit-log-writer.ts';
import { createFunctionLog } from '../compose/common.ts';
import { createRelayServices } from '../compose/sessions.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import { acknowledgeMessages, readMailbox, sendMessages } from '../relay/handlers/message-handlers.ts';

const { sessionAuth, sender, mailboxes } = createRelayServices();

export const handler = createLambdaHandler(createFunctionLog(), unavailableAuditLog, {
  sendMessages: sendMessages(sessionAuth, sender),
  readMailbox: readMailbox(sessionAuth, mailboxes),
  acknowledgeMessages: acknowledgeMessages(sessionAuth, mailboxes),
});
