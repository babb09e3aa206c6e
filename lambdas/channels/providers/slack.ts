/**
 * Slack through its Events API.
 *
 * Signature (docs.slack.dev/authentication/verifying-requests-from-slack): `X-Slack-Signature` is `v0=` followed by the
 * lower-case hex of HMAC-SHA256 under the signing secret over `v0:`, the time in `X-Slack-Request-Timestamp`, `:` and
 * the raw body. Requests that are more than five minutes old are rejected.
 *
 * Events (docs.slack.dev/apis/events-api): direct messages to the app (`message` with `channel_type` `im`) and mentions
 * of the app (`app_mention`). Bot messages, including those of this app, are ignored. Messages with a subtype (edits,
 * joins, files) are ignored too. Members of other workspaces (Slack Connect) are ignored, because this workspace does
 * not authenticate them. A retry (`X-Slack-Retry-Num`) has a new signature and the `event_id` of the first delivery.
 * Delayed events arrive for up to 24 hours.
 */
import * as z from 'zod/mini';
import { canonicalSlack } from '../../../core/users/canonical-identity.ts';
import type { ChannelProvider, SendResult, WebhookContent, WebhookRequest } from '../channel-ports.ts';
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

/** The organization's value `channels/slack`. */
const credentialsSchema = z.strictObject({
  /** The Slack app's signing secret. It signs requests. */
  signingSecret: secretSchema,
  /** The app's bot token in the workspace (`xoxb-…`, with chat:write). It authorizes replies. */
  botToken: secretSchema,
  /** ID of the app. Events of other apps are rejected. */
  appId: z.optional(z.string().check(z.regex(/^A[A-Z0-9]{1,31}$/))),
});
type SlackCredentials = z.output<typeof credentialsSchema>;

const acceptedTimeWindow = { back: 300, ahead: clockSkewSeconds };
/**
 * Maximum request size in bytes. Slack documents only the limit of a text, 40,000 characters. This limit allows 26
 * bytes for each of them.
 */
const maxBodyBytes = 1_048_576;
/** Maximum characters before Slack truncates a text. Escaping makes a text at most five times as long. */
const maxReplyLength = 40_000;

const urlVerificationSchema = z.object({ type: z.literal('url_verification'), challenge: z.string() });
const absentField = z.optional(z.undefined());
const eventCallbackSchema = z.object({
  type: z.literal('event_callback'),
  team_id: z.string(),
  api_app_id: z.string(),
  event_id: z.string().check(z.minLength(1)),
  event: z.object({
    type: z.enum(['message', 'app_mention']),
    channel_type: z.optional(z.string()),
    channel: z.string().check(z.regex(/^[A-Z0-9]{2,32}$/)),
    user: z.string(),
    text: z.string(),
    /** Workspace of the author, if Slack reports it. */
    team: z.optional(z.string()),
    user_team: z.optional(z.string()),
    thread_ts: z.optional(z.string().check(z.regex(/^[0-9.]{1,32}$/))),
    subtype: absentField,
    bot_id: absentField,
    app_id: absentField,
    bot_profile: absentField,
    hidden: absentField,
  }),
});

/** Slack escapes only these three characters (docs.slack.dev/messaging/formatting-message-text, "Escaping text"). */
const unescapeSlackText = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
const escapeSlackText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function formatReplyText(text: string): string {
  const whole = escapeSlackText(truncateText(text, maxReplyLength));
  return whole.length <= maxReplyLength ? whole : escapeSlackText(truncateText(text, maxReplyLength / 5));
}

function verifySignature(
  { method, headers, body }: WebhookRequest,
  { signingSecret }: SlackCredentials,
  now: Date,
): boolean {
  const time = headers['x-slack-request-timestamp'];
  const signature = headers['x-slack-signature'] ?? '';
  if (method !== 'POST' || !isWithinTimeWindow(time, acceptedTimeWindow, now)) return false;
  if (!signature.startsWith('v0=') || !hexSha256Pattern.test(signature.slice(3)) || body.length > maxBodyBytes)
    return false;
  const expected = `v0=${encodedHmac('sha256', 'hex', signingSecret, `v0:${time}:`, body)}`;
  return constantTimeEqualNonEmpty(signature, expected);
}

function parseEvent(body: Uint8Array, { appId }: SlackCredentials): WebhookContent | undefined {
  const json = parseUtf8Json(body);
  const challenge = urlVerificationSchema.safeParse(json).data?.challenge;
  if (challenge !== undefined && /^[A-Za-z0-9_-]{1,255}$/.test(challenge))
    return { kind: 'challenge', answer: { contentType: 'text/plain', body: challenge } };
  const parsed = eventCallbackSchema.safeParse(json).data;
  if (parsed === undefined) return { kind: 'nothing' };
  const { team_id, api_app_id, event_id, event } = parsed;
  if (appId !== undefined && !constantTimeEqualNonEmpty(api_app_id, appId)) return undefined;
  const shared = event.type === 'app_mention';
  const [team, member] = [event.team ?? team_id, event.user_team ?? team_id];
  const identity = canonicalSlack(team_id, event.user);
  if (identity === undefined || team !== team_id || member !== team_id || (!shared && event.channel_type !== 'im'))
    return { kind: 'nothing' };
  const thread = event.thread_ts === undefined ? {} : { thread: event.thread_ts };
  // A mention can begin with the ID of the mentioned app, which is not part of the message.
  const text = unescapeSlackText(shared ? event.text.replace(/^\s*<@[A-Z0-9]+(?:\|[^>]*)?>\s*/, '') : event.text);
  return {
    kind: 'messages',
    messages: [
      { deliveryId: toDeliveryId(event_id), identity, text, shared, replyTo: { channel: event.channel, ...thread } },
    ],
  };
}

/**
 * Errors that a retry can fix (docs.slack.dev/reference/methods/chat.postMessage). Slack returns status 200 for errors
 * too.
 */
const transientErrors = new Set([
  'ratelimited',
  'rate_limited',
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
]);
const postMessageResultSchema = z.union([
  z.object({ ok: z.literal(true) }),
  z.object({ ok: z.literal(false), error: z.string() }),
]);

function interpretResponse(response: unknown): SendResult {
  const { data } = postMessageResultSchema.safeParse(response);
  if (data === undefined) return 'unknown';
  if (data.ok) return 'sent';
  return transientErrors.has(data.error) ? 'unknown' : 'refused';
}

export const slack: ChannelProvider = {
  name: 'slack',
  acceptedResponse: { contentType: 'text/plain', body: '' },
  replayableSeconds: 2 * daySeconds,
  accountFor(json, providerHttp) {
    const parsed = credentialsSchema.safeParse(json);
    if (!parsed.success) return undefined;
    const credentials = parsed.data;
    return {
      async verifyAndParse(request, now) {
        return verifySignature(request, credentials, now) ? parseEvent(request.body, credentials) : undefined;
      },
      sendReply: (replyTo, text) =>
        postToProvider(providerHttp, {
          origin: 'https://slack.com',
          channel: 'slack',
          path: '/api/chat.postMessage',
          authorization: `Bearer ${credentials.botToken}`,
          body: {
            channel: replyTo.channel,
            text: formatReplyText(text),
            ...(replyTo.thread === undefined ? {} : { thread_ts: replyTo.thread }),
            unfurl_links: false,
            unfurl_media: false,
          },
          interpretResponse,
        }),
    };
  },
};
