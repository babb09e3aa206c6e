import type { RouteId } from '../../../contract/routes.ts';
import type { ChannelName } from '../../channels/channel-ports.ts';
import type { RouteHandler } from '../../middleware/request-state.ts';
import { webhookRouteHandler } from '../middleware/webhook-route.ts';
import type { WebhookReceiver } from '../webhook-receiver.ts';

const channelByRoute = {
  receiveTwilio: 'twilio',
  receiveWhatsApp: 'whatsapp',
  verifyWhatsApp: 'whatsapp',
  receiveSlack: 'slack',
  receiveMailgun: 'mailgun',
  receiveSendGrid: 'sendgrid',
} as const satisfies Partial<Record<RouteId, ChannelName>>;

/** Creates one handler per webhook route. The handlers differ only in their channel. */
export const receiveWebhooks = (receiver: WebhookReceiver, publicUrl: string): Partial<Record<RouteId, RouteHandler>> =>
  Object.fromEntries(
    Object.entries(channelByRoute).map(([id, channel]) => [id, webhookRouteHandler(channel, receiver, publicUrl)]),
  );
