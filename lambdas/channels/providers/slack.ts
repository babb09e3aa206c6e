/**
 * Slack, by its Events API.
 *
 * Signature (docs.slack.dev/authentication/verifying-requests-from-slack): `X-Slack-Signature` is `v0=` and the lower-case hex of
 * HMAC-SHA256 under the signing secret over `v0:`, the time in `X-Slack-Request-Timestamp`, `:` and the raw body; requests more than five
 * minutes old are refused.
 *
 * Events (docs.slack.dev/apis/events-api): direct messages to the app (`message` of `channel_type` `im`) and mentions of it
 * (`app_mention`). What a bot wrote, this app's own messages among it, and messages with a subtype (edits, joins, files) are left out, as are
 * members of other workspaces (Slack Connect): for them the workspace's word is no proof. A repetition (`X-Slack-Retry-Num`) is signed anew
 * and has the `event_id` of the first. Delayed events come for up to 24 hours.
 */
import * as z from 'zod/mini';
import { canonicalSlack } from '../../../core/users/canonical-identity.ts';
import type { Channel, HookRequest, Reading, SendResult } from '../channel-ports.ts';
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

/** `channels/slack` in the org's vault. */
const schema = z.strictObject({
  /** Of the Slack app: it signs requests. */
  signingSecret: secretText,
  /** Of the app in the workspace, `xoxb-…` with chat:write: it authorizes replies. */
  botToken: secretText,
  /** Id of the app; events of another are refused. */
  appId: z.optional(z.string().check(z.regex(/^A[A-Z0-9]{1,31}$/))),
});
type Secrets = z.output<typeof schema>;

const window = { back: 300, ahead: clockSkew };
/** Of a request, bytes. Slack tells no bound but that of a text, 40,000 characters: this is 26 bytes for each. */
const largest = 1_048_576;
/** What Slack takes before it cuts a text itself, characters; an escaped one is at most five times as long. */
const longestReply = 40_000;

const verification = z.object({ type: z.literal('url_verification'), challenge: z.string() });
const absent = z.optional(z.undefined());
const callback = z.object({
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
    /** Workspace of the writer, where Slack tells it. */
    team: z.optional(z.string()),
    user_team: z.optional(z.string()),
    thread_ts: z.optional(z.string().check(z.regex(/^[0-9.]{1,32}$/))),
    subtype: absent,
    bot_id: absent,
    app_id: absent,
    bot_profile: absent,
    hidden: absent,
  }),
});

/** Slack writes three characters as entities, and only those (docs.slack.dev/messaging/formatting-message-text, "Escaping text"). */
const unescaped = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function replyText(text: string): string {
  const whole = escaped(cut(text, longestReply));
  return whole.length <= longestReply ? whole : escaped(cut(text, longestReply / 5));
}

function verified({ method, headers, body }: HookRequest, { signingSecret }: Secrets, now: Date): boolean {
  const time = headers['x-slack-request-timestamp'];
  const signature = headers['x-slack-signature'] ?? '';
  if (method !== 'POST' || !within(time, window, now)) return false;
  if (!signature.startsWith('v0=') || !hexSha256.test(signature.slice(3)) || body.length > largest) return false;
  const expected = `v0=${hmacText('sha256', 'hex', signingSecret, `v0:${time}:`, body)}`;
  return sameText(signature, expected);
}

function read(body: Uint8Array, { appId }: Secrets): Reading | undefined {
  const json = jsonOf(body);
  const asked = verification.safeParse(json).data?.challenge;
  if (asked !== undefined && /^[A-Za-z0-9_-]{1,255}$/.test(asked))
    return { kind: 'challenge', answer: { contentType: 'text/plain', body: asked } };
  const parsed = callback.safeParse(json).data;
  if (parsed === undefined) return { kind: 'nothing' };
  const { team_id, api_app_id, event_id, event } = parsed;
  if (appId !== undefined && !sameText(api_app_id, appId)) return undefined;
  const shared = event.type === 'app_mention';
  const [team, member] = [event.team ?? team_id, event.user_team ?? team_id];
  const identity = canonicalSlack(team_id, event.user);
  if (identity === undefined || team !== team_id || member !== team_id || (!shared && event.channel_type !== 'im'))
    return { kind: 'nothing' };
  const thread = event.thread_ts === undefined ? {} : { thread: event.thread_ts };
  // A mention begins with the name of who is mentioned, which is no part of what is said.
  const text = unescaped(shared ? event.text.replace(/^\s*<@[A-Z0-9]+(?:\|[^>]*)?>\s*/, '') : event.text);
  return {
    kind: 'messages',
    messages: [
      { deliveryId: deliveryName(event_id), identity, text, shared, replyTo: { channel: event.channel, ...thread } },
    ],
  };
}

/** Slack answers with status 200 to what it refuses too. Errors of docs.slack.dev/reference/methods/chat.postMessage. */
const passing = new Set([
  'ratelimited',
  'rate_limited',
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
]);
const outcome = z.union([z.object({ ok: z.literal(true) }), z.object({ ok: z.literal(false), error: z.string() })]);

function judge(answer: unknown): SendResult {
  const { data } = outcome.safeParse(answer);
  if (data === undefined) return 'unknown';
  if (data.ok) return 'sent';
  return passing.has(data.error) ? 'unknown' : 'refused';
}

export const slack: Channel = {
  name: 'slack',
  accepted: { contentType: 'text/plain', body: '' },
  repeatableSeconds: 2 * day,
  line(json, carrier) {
    const parsed = schema.safeParse(json);
    if (!parsed.success) return undefined;
    const secrets = parsed.data;
    return {
      async receive(request, now) {
        return verified(request, secrets, now) ? read(request.body, secrets) : undefined;
      },
      send: (replyTo, text) =>
        post(carrier, {
          origin: 'https://slack.com',
          channel: 'slack',
          path: '/api/chat.postMessage',
          authorization: `Bearer ${secrets.botToken}`,
          body: {
            channel: replyTo.channel,
            text: replyText(text),
            ...(replyTo.thread === undefined ? {} : { thread_ts: replyTo.thread }),
            unfurl_links: false,
            unfurl_media: false,
          },
          judge,
        }),
    };
  },
};
