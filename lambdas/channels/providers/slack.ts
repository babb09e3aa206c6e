/**
 * Slack through its Events API.
 *
 * Signature (docs.slack.dev/authentication/verifying-requests-from-slack): `X-Slack-Signature` is `v0=` followed by the
 * lower-case hex of HMAC-SHA256 under the signing secret over `v0:`, the time in `X-Slack-Request-Timestamp`, `:` and
 * the raw body. Requests that are more than five minutes old are rejected.
 *
 * Events are parsed in slack-message.ts. A retry (`X-Slack-Retry-Num`) has a new signature. Delayed events arrive for
 * up to 24 hours.
 */
import * as z from 'zod/mini';
import type { ChannelProvider, SendResult, WebhookContent, WebhookRequest } from '../channel-ports.ts';
import { downloadMedia } from './media-download.ts';
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
} from './signature-helpers.ts';
import { parseSlackEvent, slackFilesOrigin } from './slack-message.ts';
import { sendParts, splitText } from './text-parts.ts';

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
/**
 * Maximum characters of a text after escaping. Slack recommends at most 4,000 and truncates longer texts at 40,000
 * (docs.slack.dev/reference/methods/chat.postMessage, "Truncating content").
 */
const maxReplyLength = 4_000;
/** Seconds for which the ID of a delivery is stored. */
const replayableSeconds = 2 * daySeconds;

const urlVerificationSchema = z.object({ type: z.literal('url_verification'), challenge: z.string() });

/** Slack escapes only these three characters (docs.slack.dev/messaging/formatting-message-text, "Escaping text"). */
const escapeSlackText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const escapedLength = (text: string): number => escapeSlackText(text).length;

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

function parseRequest(body: Uint8Array, { appId }: SlackCredentials, now: Date): WebhookContent | undefined {
  const json = parseUtf8Json(body);
  const challenge = urlVerificationSchema.safeParse(json).data?.challenge;
  if (challenge !== undefined && /^[A-Za-z0-9_-]{1,255}$/.test(challenge))
    return { kind: 'challenge', answer: { contentType: 'text/plain', body: challenge } };
  const isOwnApp = (id: string): boolean => appId === undefined || constantTimeEqualNonEmpty(id, appId);
  return parseSlackEvent(json, isOwnApp, new Date(now.getTime() - replayableSeconds * 1000));
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
  replayableSeconds,
  accountFor(json, providerHttp) {
    const parsed = credentialsSchema.safeParse(json);
    if (!parsed.success) return undefined;
    const credentials = parsed.data;
    return {
      async verifyAndParse(request, now) {
        return verifySignature(request, credentials, now) ? parseRequest(request.body, credentials, now) : undefined;
      },
      sendReply: (replyTo, text) =>
        sendParts(splitText(text, maxReplyLength, escapedLength), (part) =>
          postToProvider(providerHttp, {
            origin: 'https://slack.com',
            channel: 'slack',
            path: '/api/chat.postMessage',
            authorization: `Bearer ${credentials.botToken}`,
            body: {
              channel: replyTo.channel,
              text: escapeSlackText(part),
              ...(replyTo.thread === undefined ? {} : { thread_ts: replyTo.thread }),
              unfurl_links: false,
              unfurl_media: false,
            },
            interpretResponse,
          }),
        ),
      /**
       * docs.slack.dev/reference/objects/file-object, "Authentication". Without the scope `files:read`, Slack redirects
       * to a login page, which is not followed.
       */
      fetchMedia: async ({ path }, maxBytes) => {
        const authorization = `Bearer ${credentials.botToken}`;
        const url = `${slackFilesOrigin}${path}`;
        return await downloadMedia(providerHttp, {
          channel: 'slack',
          url,
          authorization,
          origin: slackFilesOrigin,
          maxBytes,
        });
      },
    };
  },
};
