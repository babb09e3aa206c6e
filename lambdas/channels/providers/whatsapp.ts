/**
 * WhatsApp by Meta's Cloud API.
 *
 * Signature (developers.facebook.com/docs/graph-api/webhooks/getting-started, "Event Notifications"): `X-Hub-Signature-256` is `sha256=`
 * and the lower-case hex of HMAC-SHA256 under the app secret over the raw body. It tells no time; the messages do, and one is taken for the
 * seven days in which Meta repeats a delivery. "Verification Requests": a GET with `hub.mode=subscribe`, the verify token that we gave
 * Meta, and a challenge to be answered.
 *
 * Fields (developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components): a delivery has entries, those have changes, those have
 * messages. Texts are taken, of single persons: not groups, pictures, reactions, nor status reports.
 */
import * as z from 'zod/mini';
import { canonicalPhone } from '../../../core/users/canonical-identity.ts';
import type { Channel, HookRequest, InboundMessage, Reading } from '../channel-ports.ts';
import { cut, post } from './provider-http-client.ts';
import {
  clockSkew,
  day,
  deliveryName,
  hexSha256,
  hmacText,
  jsonOf,
  sameText,
  secretText,
  within,
} from './signature-helpers.ts';

/** `channels/whatsapp` in the org's vault. */
const schema = z.strictObject({
  /** Of the Meta app: it signs deliveries. */
  appSecret: secretText,
  /** Made up by the org, at least 16 characters, and told to Meta where the webhook is set. */
  verifyToken: secretText.check(z.minLength(16)),
  /** Id, not number, of the telephone that is written to; messages to others of the account are not this line's. */
  phoneNumberId: z.string().check(z.regex(/^[0-9]{1,32}$/)),
  /** Of a system user with whatsapp_business_messaging: it authorizes replies. */
  accessToken: secretText,
  /** Version of the Graph API that replies go to. */
  graphVersion: z._default(z.string().check(z.regex(/^v[0-9]{2}\.0$/)), 'v23.0'),
});
type Secrets = z.output<typeof schema>;

const window = { back: 7 * day, ahead: clockSkew };
/** Of a delivery, bytes: "up to 3 MB" (developers.facebook.com/docs/whatsapp/cloud-api/guides/set-up-webhooks, "Payload Size"). */
const largest = 3_145_728;
/** What one message can hold, characters. */
const longestReply = 4_096;

const delivery = z.object({
  object: z.literal('whatsapp_business_account'),
  entry: z.array(z.object({ changes: z.array(z.unknown()) })),
});
const change = z.object({
  field: z.literal('messages'),
  value: z.object({
    metadata: z.object({ phone_number_id: z.string() }),
    messages: z.array(z.unknown()),
  }),
});
const textMessage = z.object({
  id: z.string().check(z.minLength(1)),
  from: z.string(),
  timestamp: z.string(),
  type: z.literal('text'),
  text: z.object({ body: z.string() }),
  group_id: z.optional(z.undefined()),
});

function verified({ headers, body }: HookRequest, { appSecret }: Secrets): boolean {
  const [prefix, signature = ''] = (headers['x-hub-signature-256'] ?? '').split('=', 2);
  if (prefix !== 'sha256' || !hexSha256.test(signature) || body.length > largest) return false;
  return sameText(headers['x-hub-signature-256'], `sha256=${hmacText('sha256', 'hex', appSecret, body)}`);
}

function challenge({ query }: HookRequest, { verifyToken }: Secrets): Reading | undefined {
  const answer = query['hub.challenge'] ?? '';
  const ours = sameText(query['hub.verify_token'], verifyToken);
  // The answer is an echo: nothing that a browser could take for a page.
  return ours && query['hub.mode'] === 'subscribe' && /^[A-Za-z0-9_-]{1,128}$/.test(answer)
    ? { kind: 'challenge', answer: { contentType: 'text/plain', body: answer } }
    : undefined;
}

function textsFor(phoneNumberId: string, json: unknown): readonly z.output<typeof textMessage>[] {
  const parsed = delivery.safeParse(json);
  if (!parsed.success) return [];
  return parsed.data.entry
    .flatMap(({ changes }) => changes)
    .map((item) => change.safeParse(item).data?.value)
    .filter((value) => value?.metadata.phone_number_id === phoneNumberId)
    .flatMap((value) => value?.messages ?? [])
    .map((item) => textMessage.safeParse(item).data)
    .filter((message) => message !== undefined);
}

function read(body: Uint8Array, { phoneNumberId }: Secrets, now: Date): Reading | undefined {
  const texts = textsFor(phoneNumberId, jsonOf(body));
  const inTime = texts.filter(({ timestamp }) => within(timestamp, window, now));
  // Nothing but what is too old or of the future is no delivery of Meta's.
  if (texts.length > 0 && inTime.length === 0) return undefined;
  const messages = inTime.flatMap(({ id, from, text }): readonly InboundMessage[] => {
    const identity = canonicalPhone('whatsapp', from);
    return identity === undefined
      ? []
      : [{ deliveryId: deliveryName(id), identity, text: text.body, shared: false, replyTo: { to: from } }];
  });
  return messages.length === 0 ? { kind: 'nothing' } : { kind: 'messages', messages };
}

export const whatsapp: Channel = {
  name: 'whatsapp',
  accepted: { contentType: 'text/plain', body: '' },
  repeatableSeconds: window.back + window.ahead,
  line(json, carrier) {
    const parsed = schema.safeParse(json);
    if (!parsed.success) return undefined;
    const secrets = parsed.data;
    return {
      async receive(request, now) {
        if (request.method === 'GET') return challenge(request, secrets);
        return verified(request, secrets) ? read(request.body, secrets, now) : undefined;
      },
      /** developers.facebook.com/docs/whatsapp/cloud-api/messages/text-messages. */
      send: (replyTo, text) =>
        post(carrier, {
          origin: 'https://graph.facebook.com',
          channel: 'whatsapp',
          path: `/${secrets.graphVersion}/${secrets.phoneNumberId}/messages`,
          authorization: `Bearer ${secrets.accessToken}`,
          body: {
            messaging_product: 'whatsapp',
            recipient_type: 'individual',
            to: replyTo.to,
            type: 'text',
            text: { preview_url: false, body: cut(text, longestReply) },
          },
        }),
    };
  },
};
