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
 * contain changes, which contain messages. Group messages, reactions and status reports are ignored. The content of a
 * message is parsed in whatsapp-message.ts.
 *
 * Senders (developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids): people who hide
 * their number have only `from_user_id`, which names them within the business. A sender with a number is identified by
 * the number.
 */
import * as z from 'zod/mini';
import { canonicalPhone, canonicalWhatsAppUser } from '../../../core/users/canonical-identity.ts';
import type {
  ChannelProvider,
  FetchedMedia,
  InboundMessage,
  MediaRef,
  Notice,
  ProviderHttp,
  WebhookContent,
  WebhookRequest,
} from '../channel-ports.ts';
import { downloadMedia, fetchProviderJson } from './media-download.ts';
import { postToProvider } from './provider-http-client.ts';
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
import { sendParts, splitText } from './text-parts.ts';
import { parseWhatsAppContent } from './whatsapp-message.ts';

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
    metadata: z.object({ phone_number_id: z.string(), display_phone_number: z.optional(z.string()) }),
    contacts: z.optional(z.array(z.unknown())),
    messages: z.array(z.unknown()),
  }),
});
const contactSchema = z.object({ user_id: z.string() });
const messageSchema = z.looseObject({
  id: z.string().check(z.minLength(1)),
  from: z.optional(z.string()),
  from_user_id: z.optional(z.string()),
  timestamp: z.string(),
  type: z.string(),
  group_id: z.optional(z.unknown()),
});
type WhatsAppMessage = z.output<typeof messageSchema>;

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

interface ReceivedMessage {
  readonly message: WhatsAppMessage;
  /** ID of the sender, if the message itself does not contain it. */
  readonly contactUserId: string | undefined;
  readonly ownNumber: string | undefined;
}

function messagesFor(phoneNumberId: string, json: unknown): readonly ReceivedMessage[] {
  const parsed = deliverySchema.safeParse(json);
  if (!parsed.success) return [];
  return parsed.data.entry
    .flatMap(({ changes }) => changes)
    .flatMap((item) => {
      const value = changeSchema.safeParse(item).data?.value;
      if (value?.metadata.phone_number_id !== phoneNumberId) return [];
      const contact = value.contacts?.length === 1 ? contactSchema.safeParse(value.contacts[0]).data : undefined;
      return value.messages.flatMap((unparsed) => {
        const message = messageSchema.safeParse(unparsed).data;
        const ownNumber = value.metadata.display_phone_number?.replace(/[^0-9]/g, '');
        return message === undefined ? [] : [{ message, contactUserId: contact?.user_id, ownNumber }];
      });
    });
}

type Parsed = Pick<WebhookContent & { kind: 'nothing' }, 'reason' | 'notices'> & { readonly message?: InboundMessage };

/** The identity of a sender and where to reply. Undefined if the sender is not a person who can be identified. */
function parseSender({ message, contactUserId }: ReceivedMessage) {
  const { from = '', from_user_id: userId = contactUserId ?? '' } = message;
  const byNumber = canonicalPhone('whatsapp', from);
  if (byNumber !== undefined) return { identity: byNumber, replyTo: { to: from } };
  // Some deliveries have the ID in place of the number.
  const user = userId === '' ? from : userId;
  const byUserId = canonicalWhatsAppUser(user);
  return byUserId === undefined ? undefined : { identity: byUserId, replyTo: { user } };
}

function parseMessage(received: ReceivedMessage): Parsed {
  const { message, ownNumber } = received;
  if (message.from !== undefined && message.from === ownNumber) return { reason: 'automatic_message' };
  const sender = message.group_id === undefined ? parseSender(received) : undefined;
  if (sender === undefined) return { reason: 'sender_unsupported' };
  const content = parseWhatsAppContent(message);
  if (!('ignored' in content))
    return { message: { deliveryId: toDeliveryId(message.id), ...sender, ...content, shared: false } };
  if (content.ignored === 'unsupported') {
    const notice: Notice = { kind: 'message-unsupported', sender: sender.identity, replyTo: sender.replyTo };
    return { reason: 'message_unsupported', notices: content.tell ? [notice] : [] };
  }
  return content.ignored === 'edited' ? { reason: 'edited_message' } : {};
}

function parseMessages(
  body: Uint8Array,
  { phoneNumberId }: WhatsAppCredentials,
  now: Date,
): WebhookContent | undefined {
  const received = messagesFor(phoneNumberId, parseUtf8Json(body));
  const current = received.filter(({ message }) => isWithinTimeWindow(message.timestamp, acceptedTimeWindow, now));
  // Meta does not send a delivery whose messages are all outside the time window.
  if (received.length > 0 && current.length === 0) return undefined;
  const parsed = current.map(parseMessage);
  const messages = parsed.flatMap(({ message }) => message ?? []);
  const notices = parsed.flatMap((one) => one.notices ?? []);
  const ignored = {
    ...(notices.length > 0 ? { notices } : {}),
    ...pickReason(parsed),
  };
  return messages.length === 0 ? { kind: 'nothing', ...ignored } : { kind: 'messages', messages, ...ignored };
}

/** The log has one reason per request. */
function pickReason(parsed: readonly Parsed[]): Pick<Parsed, 'reason'> {
  const reason = parsed.find((one) => one.reason !== undefined)?.reason;
  return reason === undefined ? {} : { reason };
}

const origin = 'https://graph.facebook.com';
const mediaOrigin = 'https://lookaside.fbsbx.com';
const mediaInfoSchema = z.object({ url: z.string(), file_size: z.optional(z.number()) });

/** developers.facebook.com/docs/whatsapp/cloud-api/reference/media: the ID yields a URL that works for five minutes. */
async function fetchMedia(
  http: ProviderHttp,
  { graphVersion, phoneNumberId, accessToken }: WhatsAppCredentials,
  { id }: MediaRef,
  maxBytes: number,
): Promise<FetchedMedia> {
  const request = { channel: 'whatsapp', authorization: `Bearer ${accessToken}` };
  const path = `/${graphVersion}/${id}?phone_number_id=${phoneNumberId}`;
  const info = mediaInfoSchema.safeParse(
    await fetchProviderJson(http, { ...request, url: `${origin}${path}`, origin }),
  ).data;
  if (info === undefined) return { refusal: 'unavailable' };
  if ((info.file_size ?? 0) > maxBytes) return { refusal: 'too-large' };
  return await downloadMedia(http, { ...request, url: info.url, origin: mediaOrigin, maxBytes });
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
        sendParts(splitText(text, maxReplyLength), (part) =>
          postToProvider(providerHttp, {
            origin,
            channel: 'whatsapp',
            path: `/${credentials.graphVersion}/${credentials.phoneNumberId}/messages`,
            authorization: `Bearer ${credentials.accessToken}`,
            body: {
              messaging_product: 'whatsapp',
              recipient_type: 'individual',
              ...(replyTo.user === undefined ? { to: replyTo.to } : { recipient: replyTo.user }),
              type: 'text',
              text: { preview_url: false, body: part },
            },
          }),
        ),
      fetchMedia: (ref, maxBytes) => fetchMedia(providerHttp, credentials, ref, maxBytes),
    };
  },
};
