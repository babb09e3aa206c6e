import type { Context } from 'aws-lambda';
import { unavailableAuditLog } from '../audit/audit-log-writer.ts';
import { createFunctionLog } from '../compose/common.ts';
import { createRelayServices } from '../compose/sessions.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import { createAttachment, getAttachment } from '../relay/handlers/attachment-handlers.ts';
import { acknowledgeMessages, readMailbox, sendMessages } from '../relay/handlers/message-handlers.ts';
import { handleSocketEvents, isSocketEvent, type SocketEvent } from '../relay/handlers/socket-events.ts';
import { createTicket, deletePush, putPush } from '../relay/handlers/socket-handlers.ts';

const log = createFunctionLog();
const { sessionAuth, sender, mailboxes, attachments, tickets, pushes, sockets } = createRelayServices(log);

const handleRequest = createLambdaHandler(log, unavailableAuditLog, {
  sendMessages: sendMessages(sessionAuth, sender),
  readMailbox: readMailbox(sessionAuth, mailboxes),
  acknowledgeMessages: acknowledgeMessages(sessionAuth, mailboxes),
  createAttachment: createAttachment(sessionAuth, attachments),
  getAttachment: getAttachment(sessionAuth, attachments),
  createTicket: createTicket(sessionAuth, tickets),
  putPush: putPush(sessionAuth, pushes),
  deletePush: deletePush(sessionAuth, pushes),
});
const handleSocket = handleSocketEvents(log, sockets);

type Event = Parameters<typeof handleRequest>[0] | SocketEvent;

/** Two APIs invoke this function: the HTTP API with requests, the WebSocket API with the events of connections. */
export const handler = async (event: Event, context: Context) =>
  isSocketEvent(event) ? await handleSocket(event, context) : await handleRequest(event, context);
