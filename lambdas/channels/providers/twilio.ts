/**
 * SMS through Twilio.
 *
 * Signature (twilio.com/docs/usage/webhooks/webhooks-security): `X-Twilio-Signature` is the base64 of HMAC-SHA1 under
 * the account's auth token. The input is the webhook URL with its query as sent, followed by the name and value of each
 * POST parameter, sorted by name. If a name is repeated, its distinct values are sorted. The ports 443 and 80 may be
 * present or absent (both rules as in Twilio's libraries).
 *
 * Names and values are joined without separators. An attacker who has seen one signed request can therefore split the
 * same text into different parameters. For this reason, the parameters that matter must occur exactly once and be
 * well-formed. The signature contains no time, so message IDs must be stored forever.
 *
 * The form must be parsed to compute the signature. It is parsed only if the signature has 28 characters and the body
 * is at most 64 KiB. Parsing takes linear time.
 *
 * The parameters of a message are parsed in twilio-message.ts.
 */
import * as z from 'zod/mini';
import type { ChannelProvider, WebhookRequest } from '../channel-ports.ts';
import { type FormFields, parseUrlEncodedForm, singleField } from './form-parser.ts';
import { downloadMedia } from './media-download.ts';
import { basicAuthorization, postToProvider } from './provider-http-client.ts';
import { base64Sha1Pattern, constantTimeEqualNonEmpty, encodedHmac, secretSchema } from './signature-helpers.ts';
import { sendParts, splitText } from './text-parts.ts';
import { mediaPathOf, parseTwilioMessage } from './twilio-message.ts';

const phoneNumberSchema = z.string().check(z.regex(/^\+[1-9][0-9]{6,14}$/));

/** The organization's value `channels/twilio`. */
const credentialsSchema = z.strictObject({
  /** The account's auth token. It signs requests and authorizes replies. */
  authToken: secretSchema,
  accountSid: z.string().check(z.regex(/^AC[0-9a-f]{32}$/)),
  /** Number that sends replies, in E.164 format. The default is the number that received the message. */
  from: z.optional(phoneNumberSchema),
});
/**
 * Maximum request size in bytes. A percent-encoded text of 1,600 characters needs less than 15,000 bytes. The URLs of
 * ten files also need less than 15,000 bytes.
 */
const maxBodyBytes = 65_536;
const origin = 'https://api.twilio.com';
/** Maximum characters that Twilio sends in one message. */
const maxReplyLength = 1_600;
/** Splits a webhook URL into scheme, host, port and the rest. */
const urlPartsPattern = /^(https?:\/\/)([^/?#:@]+)(:[0-9]+)?(.*)$/s;

function candidateSignedUrls(url: string): readonly string[] {
  const parts = urlPartsPattern.exec(url);
  if (parts === null) return [];
  const [, scheme = '', host = '', port = '', rest = ''] = parts;
  const standard = scheme === 'https://' ? ':443' : ':80';
  if (port !== '' && port !== standard) return [url];
  return [`${scheme}${host}${rest}`, `${scheme}${host}${standard}${rest}`];
}

function canonicalParameters(form: FormFields): string {
  const byName = [...form].sort(([a], [b]) => (a < b ? -1 : 1));
  return byName.flatMap(([name, values]) => [...new Set(values)].sort().map((value) => name + value)).join('');
}

/** Returns the parameters of a request that was signed with this token, or undefined if the signature is not valid. */
export function parseSignedForm(request: WebhookRequest, authToken: string): FormFields | undefined {
  const signature = request.headers['x-twilio-signature'] ?? '';
  if (request.method !== 'POST' || !base64Sha1Pattern.test(signature) || request.body.length > maxBodyBytes)
    return undefined;
  const form = parseUrlEncodedForm(request);
  if (form === undefined) return undefined;
  const parameters = canonicalParameters(form);
  const matches = candidateSignedUrls(request.url).map((url) =>
    constantTimeEqualNonEmpty(signature, encodedHmac('sha1', 'base64', authToken, url, parameters)),
  );
  return matches.includes(true) ? form : undefined;
}

/**
 * Where Twilio redirects requests for files (twilio.com/docs/messaging/api/media-resource). These hosts receive no
 * credentials.
 */
const mediaRedirectTargets = [
  'https://mms.twiliocdn.com/',
  'https://media.twiliocdn.com/',
  'https://s3-external-1.amazonaws.com/media.twiliocdn.com/',
];

export const twilio: ChannelProvider = {
  name: 'twilio',
  acceptedResponse: { contentType: 'text/xml', body: '<?xml version="1.0" encoding="UTF-8"?><Response/>' },
  replayableSeconds: undefined,
  accountFor(json, providerHttp) {
    const parsed = credentialsSchema.safeParse(json);
    if (!parsed.success) return undefined;
    const credentials = parsed.data;
    return {
      async verifyAndParse(request) {
        const form = parseSignedForm(request, credentials.authToken);
        return form !== undefined && constantTimeEqualNonEmpty(singleField(form, 'AccountSid'), credentials.accountSid)
          ? parseTwilioMessage(form, credentials)
          : undefined;
      },
      /** Programmable Messaging API: twilio.com/docs/messaging/api/message-resource. */
      sendReply: (replyTo, text) =>
        sendParts(splitText(text, maxReplyLength), (part) =>
          postToProvider(providerHttp, {
            origin,
            channel: 'twilio',
            path: `/2010-04-01/Accounts/${credentials.accountSid}/Messages.json`,
            authorization: basicAuthorization(credentials.accountSid, credentials.authToken),
            body: new URLSearchParams({
              To: replyTo.to ?? '',
              From: replyNumber(replyTo.from ?? '', credentials.from),
              Body: part,
            }),
          }),
        ),
      fetchMedia: (ref, maxBytes) =>
        downloadMedia(providerHttp, {
          channel: 'twilio',
          url: `${origin}${mediaPathOf(ref, credentials.accountSid)}`,
          authorization: basicAuthorization(credentials.accountSid, credentials.authToken),
          origin,
          redirectTargets: mediaRedirectTargets,
          maxBytes,
        }),
    };
  },
};

/** The configured number sends SMS. A message through WhatsApp or RCS is answered by the sender that received it. */
const replyNumber = (received: string, configured: string | undefined): string =>
  received.includes(':') ? received : (configured ?? received);
