/**
 * WhatsApp through Meta's Cloud API.
 *
 * Signature (developers.facebook.com/docs/graph-api/webhooks/getting-started, "Event Notifications"):
 * `X-Hub-Signature-256` is `sha256=` followed by the lower-case hex of HMAC-SHA256 under the app secret over the raw
 * body. It contains no time, but each message does. A message is accepted for seven days, because Meta retries a
 * delivery for that long. "Verification Requests": a GET request with `hub.mode=subscribe`, the verify token that we
 * gave to Meta, and a challenge that the response must contain.
 *
 * Fields (developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components): a delivery contains entries, which
 * contain changes, which contain messages. Only text messages from individual people are accepted. Group messages,
 * pictures, reactions and status reports are ignored.
 */
import * as z from 'zod/mini';
import { canonicalPhone } from '../../../core/users/canonical-identity.ts';
import type { ChannelProvider, InboundMessage, WebhookContent, WebhookRequest } from '../channel-ports.ts';
import { postToProvider, truncateText } from './provider-http-client.ts';
import {
  clockSkewSeconds,
  constantTimeEqualNonEmpty,
  daySeconds,
  encodedHmac,
  hexSha256Pattern,
  isWithinTimeWindow,
  parseUtf8Json,
  secretSchema,
  toDeliveryId,
} from './signature-helpers.ts';

/** The organization's value `channels/whatsapp`. */
const credentialsSchema = z.strictObject({
  /** The Meta app's secret. It signs deliveries. */
  appSecret: secretSchema,
  /** Chosen by the organization, at least 16 characters. It is entered at Meta when the webhook is configured. */
  verifyToken: secretSchema.check(z.minLength(16)),
  /** ID (not the number) of the receiving telephone number. Messages to other numbers of the account are ignored. */
  phoneNumberId: z.string().check(z.regex(/^[0-9]{1,32}$/)),
  /** Access token of a system user with whatsapp_business_messaging. It authorizes replies. */
  accessToken: secretSchema,
  /** Version of the Graph API for replies. */
  graphVersion: z._default(z.string().check(z.regex(/^v[0-9]{2}\.0$/)), 'v23.0'),
});
type WhatsAppCredentials = z.output<typeof credentialsSchema>;

const acceptedTimeWindow = { back: 7 * daySeconds, ahead: clockSkewSeconds };
/**
 * Maximum delivery size in bytes: "up to 3 MB" (developers.facebook.com/docs/whatsapp/cloud-api/guides/set-up-webhooks,
 * "Payload Size").
 */
const maxBodyBytes = 3_145_728;
/** Maximum characters in one message. */
const maxReplyLength = 4_096;

const deliverySchema = z.object({
  object: z.literal('whatsapp_business_account'),
  entry: z.array(z.object({ changes: z.array(z.unknown()) })),
});
const changeSchema = z.object({
  field: z.literal('messages'),
  value: z.object({
    metadata: z.object({ phone_number_id: z.string() }),
    messages: z.array(z.unknown()),
  }),
});
const textMessageSchema = z.object({
  id: z.string().check(z.minLength(1)),
  from: z.string(),
  timestamp: z.string(),
  type: z.literal('text'),
  text: z.object({ body: z.string() }),
  group_id: z.optional(z.undefined()),
});

function verifySignature({ headers, body }: WebhookRequest, { appSecret }: WhatsAppCredentials): boolean {
  const [prefix, signature = ''] = (headers['x-hub-signature-256'] ?? '').split('=', 2);
  if (prefix !== 'sha256' || !hexSha256Pattern.test(signature) || body.length > maxBodyBytes) return false;
  return constantTimeEqualNonEmpty(
    headers['x-hub-signature-256'],
    `sha256=${encodedHmac('sha256', 'hex', appSecret, body)}`,
  );
}

function answerVerificationChallenge(
  { query }: WebhookRequest,
  { verifyToken }: WhatsAppCredentials,
): WebhookContent | undefined {
  const answer = query['hub.challenge'] ?? '';
  const tokenMatches = constantTimeEqualNonEmpty(query['hub.verify_token'], verifyToken);
  // The answer echoes the challenge, so it must not contain characters that a browser could interpret as HTML.
  return tokenMatches && query['hub.mode'] === 'subscribe' && /^[A-Za-z0-9_-]{1,128}$/.test(answer)
    ? { kind: 'challenge', answer: { contentType: 'text/plain', body: answer } }
    : undefined;
}

function textMessagesFor(phoneNumberId: string, json: unknown): readonly z.output<typeof textMessageSchema>[] {
  const parsed = deliverySchema.safeParse(json);
  if (!parsed.success) return [];
  return parsed.data.entry
    .flatMap(({ changes }) => changes)
    .map((item) => changeSchema.safeParse(item).data?.value)
    .filter((value) => value?.metadata.phone_number_id === phoneNumberId)
    .flatMap((value) => value?.messages ?? [])
    .map((item) => textMessageSchema.safeParse(item).data)
    .filter((message) => message !== undefined);
}

function parseMessages(
  body: Uint8Array,
  { phoneNumberId }: WhatsAppCredentials,
  now: Date,
): WebhookContent | undefined {
  const textMessages = textMessagesFor(phoneNumberId, parseUtf8Json(body));
  const currentMessages = textMessages.filter(({ timestamp }) =>
    isWithinTimeWindow(timestamp, acceptedTimeWindow, now),
  );
  // Meta does not send a delivery whose messages are all outside the time window.
  if (textMessages.length > 0 && currentMessages.length === 0) return undefined;
  const messages = currentMessages.flatMap(({ id, from, text }): readonly InboundMessage[] => {
    const identity = canonicalPhone('whatsapp', from);
    return identity === undefined
      ? []
      : [{ deliveryId: toDeliveryId(id), identity, text: text.body, shared: false, replyTo: { to: from } }];
  });
  return messages.length === 0 ? { kind: 'nothing' } : { kind: 'messages', messages };
}

export const whatsapp: ChannelProvider = {
  name: 'whatsapp',
  acceptedResponse: { contentType: 'text/plain', body: '' },
  replayableSeconds: acceptedTimeWindow.back + acceptedTimeWindow.ahead,
  accountFor(json, providerHttp) {
    const parsed = credentialsSchema.safeParse(json);
    if (!parsed.success) return undefined;
    const credentials = parsed.data;
    return {
      async verifyAndParse(request, now) {
        if (request.method === 'GET') return answerVerificationChallenge(request, credentials);
        return verifySignature(request, credentials) ? parseMessages(request.body, credentials, now) : undefined;
      },
      /** developers.facebook.com/docs/whatsapp/cloud-api/messages/text-messages. */
      sendReply: (replyTo, text) =>
        postToProvider(providerHttp, {
          origin: 'https://graph.facebook.com',
          channel: 'whatsapp',
          path: `/${credentials.graphVersion}/${credentials.phoneNumberId}/messages`,
          authorization: `Bearer ${credentials.accessToken}`,
          body: {
            messaging_product: 'whatsapp',
            recipient_type: 'individual',
            to: replyTo.to,
            type: 'text',
            text: { preview_url: false, body: truncateText(text, maxReplyLength) },
          },
        }),
    };
  },
};
