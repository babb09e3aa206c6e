/** Tickets of sockets, and push subscriptions (docs/session-service.md, sections 8 and 9). */
import { sessionRoutes } from '../../../../contract/sessions/routes.ts';
import type {
  CreateTicketResponse,
  DeletePushResponse,
  GetPushKeyResponse,
  PutPushRequest,
  PutPushResponse,
} from '../../../../contract/sessions/wire.ts';
import { fromBase64Url } from '../../../../core/encoding/bytes.ts';
import { createError } from '../../shared/errors.ts';
import { decodeCount, decodeObject, decodeText } from '../../shared/json-decoders.ts';
import { isHttpsOrLoopback } from '../../shared/url.ts';
import { rowOf, type SendSigned } from './request-rows.ts';
import type { PushRequests, SocketRequests } from './session-requests.ts';

const decodeTicket = decodeObject<CreateTicketResponse>({ ticket: decodeText, url: decodeText, expiresAt: decodeText });
const decodeSubscribed = decodeObject<PutPushResponse>({ subscription: decodeText, expiresAt: decodeText });
const decodeUnsubscribed = decodeObject<DeletePushResponse>({ removed: decodeCount });
const decodePushKey = decodeObject<GetPushKeyResponse>({ applicationServerKey: decodeText });

/** Characters that a subprotocol can have (RFC 9110, section 5.6.2), without `t.`. */
const ticketForm = /^[0-9A-Za-z_-]{1,200}$/;

/** wss, or ws to this machine. */
function isSocketUrl(url: string): boolean {
  const asHttp = url.replace(/^ws(s?):/, 'http$1:');
  return asHttp !== url && URL.canParse(asHttp) && isHttpsOrLoopback(new URL(asHttp));
}

export const socketRequests = (send: SendSigned): SocketRequests => ({
  ticket: async (settings) => {
    const { ticket, url } = await send(rowOf(sessionRoutes.createTicket), {}, settings, decodeTicket);
    if (!ticketForm.test(ticket) || !isSocketUrl(url))
      throw createError('unexpected_response', { detail: 'the ticket or the address of the socket is not valid' });
    return { ticket, url };
  },
});

export const pushRequests = (send: SendSigned): PushRequests => ({
  key: async (settings) => {
    const { applicationServerKey } = await send(rowOf(sessionRoutes.getPushKey), {}, settings, decodePushKey);
    const key = fromBase64Url(applicationServerKey);
    // An uncompressed point of P-256 (RFC 8292, section 3.2).
    if (key?.length !== 65 || key[0] !== 4)
      throw createError('unexpected_response', { detail: 'the public key for push notices is not valid' });
    return key;
  },
  put: async (endpoint, settings) => {
    const body: PutPushRequest = { endpoint };
    const { subscription, expiresAt } = await send(rowOf(sessionRoutes.putPush), { body }, settings, decodeSubscribed);
    return { subscription, expiresAt: new Date(expiresAt) };
  },
  delete: async (subscription, settings) => {
    const call = { query: { subscription } };
    return (await send(rowOf(sessionRoutes.deletePush), call, settings, decodeUnsubscribed)).removed;
  },
});
