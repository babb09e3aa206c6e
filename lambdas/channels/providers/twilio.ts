/**
 * SMS by Twilio.
 *
 * Signature (twilio.com/docs/usage/webhooks/webhooks-security): `X-Twilio-Signature` is base64 of HMAC-SHA1 under the account's auth token
 * over the URL of the webhook, with its query as sent, then name and value of each POST parameter, sorted by name. Of a name that is there
 * twice, its different values are sorted; ports 443 and 80 may be written or not (both as in Twilio's libraries). Names and values are
 * joined without separators, so that whoever has seen one signed request could draw the borders anew: parameters that matter must be there
 * once and have their form. The signature tells no time, hence ids of messages are to be remembered for ever.
 *
 * It can't be computed without parsing the form. So what has no signature of 28 characters, or more than 64 KiB, isn't parsed; what is, in
 * a time that grows with its length.
 *
 * Fields (twilio.com/docs/messaging/guides/webhook-request): MessageSid, AccountSid, From, To, Body. Media are ignored.
 */
import * as z from 'zod/mini';
import { canonicalPhone } from '../../../core/users/canonical-identity.ts';
import type { ChannelProvider, WebhookContent, WebhookRequest } from '../channel-ports.ts';
import { type FormFields, parseUrlEncodedForm, singleField } from './form-parser.ts';
import { basicAuthorization, postToProvider, truncateText } from './provider-http-client.ts';
import { base64Sha1Pattern, constantTimeEqualNonEmpty, encodedHmac, secretSchema } from './signature-helpers.ts';

const phoneNumberSchema = z.string().check(z.regex(/^\+[1-9][0-9]{6,14}$/));

/** `channels/twilio` in the org's vault. */
const credentialsSchema = z.strictObject({
  /** Of the account: it signs requests and authorizes replies. */
  authToken: secretSchema,
  accountSid: z.string().check(z.regex(/^AC[0-9a-f]{32}$/)),
  /** Number that replies come from, E.164; unless told the number that was written to. */
  from: z.optional(phoneNumberSchema),
});
/** Of a request, bytes: a text of 1,600 characters, percent-encoded, is below 15,000, the addresses of ten pictures below as much. */
const maxBodyBytes = 65_536;
/** What Twilio sends in one message, characters. */
const maxReplyLength = 1_600;
/** A webhook's URL in its parts: scheme, host, port, and the rest. */
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

/** The parameters of a request that Twilio signed with this token; undefined for every other request. */
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

function parseMessage(form: FormFields): WebhookContent {
  const id = singleField(form, 'MessageSid');
  const [from, to, text] = [singleField(form, 'From'), singleField(form, 'To'), singleField(form, 'Body')];
  // Twilio carries WhatsApp and others too, as `whatsapp:+44…`: those are not the owners of a telephone number.
  const identity = canonicalPhone('tel', from ?? '');
  const isStatusReport = form.has('MessageStatus') || (singleField(form, 'SmsStatus') ?? 'received') !== 'received';
  if (isStatusReport || identity === undefined || from === undefined || to === undefined || text === undefined)
    return { kind: 'nothing' };
  if (id === undefined || !/^(?:SM|MM)[0-9a-f]{32}$/.test(id) || !phoneNumberSchema.safeParse(to).success)
    return { kind: 'nothing' };
  return {
    kind: 'messages',
    messages: [{ deliveryId: id, identity, text, shared: false, replyTo: { to: from, from: to } }],
  };
}

export const twilio: ChannelProvider = {
  name: 'twilio',
  acceptedResponse: { contentType: 'text/xml', body: '<?xml version="1.0" encoding="UTF-8"?><Response/>' },
  replayableSeconds: undefined,
  accountFor(json, carrier) {
    const parsed = credentialsSchema.safeParse(json);
    if (!parsed.success) return undefined;
    const secrets = parsed.data;
    return {
      async verifyAndParse(request) {
        const form = parseSignedForm(request, secrets.authToken);
        return form !== undefined && constantTimeEqualNonEmpty(singleField(form, 'AccountSid'), secrets.accountSid)
          ? parseMessage(form)
          : undefined;
      },
      /** Programmable Messaging API: twilio.com/docs/messaging/api/message-resource. */
      sendReply: (replyTo, text) =>
        postToProvider(carrier, {
          origin: 'https://api.twilio.com',
          channel: 'twilio',
          path: `/2010-04-01/Accounts/${secrets.accountSid}/Messages.json`,
          authorization: basicAuthorization(secrets.accountSid, secrets.authToken),
          body: new URLSearchParams({
            To: replyTo.to ?? '',
            From: secrets.from ?? replyTo.from ?? '',
            Body: truncateText(text, maxReplyLength),
          }),
        }),
    };
  },
};
