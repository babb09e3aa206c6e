/** Handlers of tickets and push subscriptions (docs/session-service.md, sections 8 and 9). */
import { type SessionAuth, sessionRoute } from '../../directory/middleware/session-routes.ts';
import type { PushService } from '../push-service.ts';
import type { TicketService } from '../ticket-service.ts';

export const createTicket = (auth: SessionAuth, tickets: TicketService) =>
  sessionRoute('createTicket', auth, async (_, signer) => await tickets.create(signer));

export const putPush = (auth: SessionAuth, pushes: PushService) =>
  sessionRoute('putPush', auth, async ({ body }, signer) => await pushes.put(signer, body.endpoint));

export const deletePush = (auth: SessionAuth, pushes: PushService) =>
  sessionRoute('deletePush', auth, async ({ query }, signer) => await pushes.delete(signer, query.subscription));
