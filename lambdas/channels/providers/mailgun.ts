/**
 * Mail by a route of Mailgun with `forward("https://…/v1/hooks/mailgun/<org>/<route secret>")`.
 *
 * Signature (documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks): the field `signature` is the lower-case hex of
 * HMAC-SHA256 under the webhook signing key over the fields `timestamp` and `token`. It does not cover the mail, and Mailgun signs every
 * event of the account with the same key. Hence three further bounds: the route's address has a secret of its own; a token is good for one
 * mail (InboundMessage.token); and a time counts for nine hours, since Mailgun repeats a delivery for eight hours and a quarter and does not
 * say that it signs it anew.
 *
 * The signature can't be found without parsing the form: nothing of it is looked at unless the route's secret is in the address, and what is
 * parsed then takes a time that grows with its length.
 *
 * Fields (…/user-manual/receive-forward-store/receive-http): `message-headers` has all headers of the mail in their order, as JSON;
 * `stripped-text` is the text without what it quotes, `body-plain` all of it.
 *
 * DKIM (…/user-manual/receive-forward-store/spam-filter): with "Mark spam with MIME headers" Mailgun adds its findings to the mail's own
 * headers, `X-Mailgun-Sscore` for every mail checked and `X-Mailgun-Dkim-Check-Result: Pass` or `Fail` where the mail is signed. Nothing in
 * a request tells them from headers of the same names that the sender wrote, and the documentation does not say that those are removed.
 * So the org must state that its domain marks spam (`spamFilter`), each of the two must be there once, and they must stand where no
 * header of the sender can: in Mailgun's own run of headers, before everything of the mail (above the first Received) or after everything. In
 * the latter case the finding must come after the score, for what Mailgun wrote first ends what the sender wrote. Mail posted in more than
 * 256 KiB is refused, since spam filters pass over large mail and then add nothing. What rests on Mailgun alone: that it checks every mail up
 * to that size, and that `Pass` means the one signature.
 */
import * as z from 'zod/mini';
import { canonicalEmail } from '../../../core/users/canonical-identity.ts';
import type { ChannelProvider, WebhookContent, WebhookRequest } from '../channel-ports.ts';
import { type FormFields, parseMultipartForm, parseUrlEncodedForm, singleField } from './form-parser.ts';
import {
  type EmailHeaders,
  parseInboundEmail,
  replyHeaders,
  type SenderTrustPolicy,
  toEmailHeaders,
} from './inbound-email.ts';
import { basicAuthorization, postToProvider } from './provider-http-client.ts';
import {
  clockSkewSeconds,
  constantTimeEqualNonEmpty,
  encodedHmac,
  hexSha256Pattern,
  isWithinTimeWindow,
  secretSchema,
} from './signature-helpers.ts';

/** `channels/mailgun` in the org's vault. */
const credentialsSchema = z.strictObject({
  /** HTTP webhook signing key of the account. */
  signingKey: secretSchema,
  /** Made up by the org: 22 to 128 characters of base64url, at the end of the route's address. */
  routeSecret: z.string().check(z.regex(/^[A-Za-z0-9_-]{22,128}$/)),
  /** That the domain's spam filter is set to "Mark spam with MIME headers": without it no mail can be told from a forged one. */
  spamFilter: z.literal('mark'),
  /** Where mail is sent to, and replies come from. */
  address: z.string().check(z.refine((text) => canonicalEmail(text) !== undefined)),
  /** As Trust.unsignedTo (mail.ts). */
  unsignedTo: z._default(z.boolean(), false),
  /** Sending key, and the domain that replies are sent by. */
  apiKey: secretSchema,
  domain: z.string().check(z.regex(/^[a-z0-9.-]{3,253}$/)),
  region: z._default(z.enum(['us', 'eu']), 'us'),
});
type MailgunCredentials = z.output<typeof credentialsSchema>;

const acceptedTimeWindow = { back: 9 * 3_600, ahead: clockSkewSeconds };
const maxBodyBytes = 262_144;
const headerPairsSchema = z.array(z.tuple([z.string(), z.string()]));

function verifySignature(request: WebhookRequest, credentials: MailgunCredentials, now: Date): FormFields | undefined {
  if (request.method !== 'POST' || !constantTimeEqualNonEmpty(request.pathSecret, credentials.routeSecret))
    return undefined;
  const form = parseUrlEncodedForm(request) ?? parseMultipartForm(request)?.form;
  if (form === undefined) return undefined;
  const [timestamp = '', token = '', signature = ''] = ['timestamp', 'token', 'signature'].map((name) =>
    singleField(form, name),
  );
  // Without the three forms, characters could go from one field to the other, and odd texts cost an HMAC.
  if (
    !isWithinTimeWindow(timestamp, acceptedTimeWindow, now) ||
    !/^[0-9a-z-]{32,64}$/i.test(token) ||
    !hexSha256Pattern.test(signature)
  )
    return undefined;
  const expected = encodedHmac('sha256', 'hex', credentials.signingKey, timestamp, token);
  return constantTimeEqualNonEmpty(signature, expected) ? form : undefined;
}

function parseHeaders(form: FormFields): EmailHeaders | undefined {
  try {
    const parsed = headerPairsSchema.safeParse(JSON.parse(singleField(form, 'message-headers') ?? ''));
    return parsed.success ? toEmailHeaders(parsed.data) : undefined;
  } catch {
    return undefined;
  }
}

const spamScoreHeader = 'x-mailgun-sscore';
const dkimResultHeader = 'x-mailgun-dkim-check-result';
const isMailgunHeader = (name: string): boolean => name.startsWith('x-mailgun-');

/** Whether Mailgun found the mail's signature to hold, by headers that only Mailgun can have written there. */
function hasTrustedDkimPass(headers: EmailHeaders): boolean {
  const names = headers.map(([name]) => name);
  const [scoreIndex, dkimIndex] = [names.indexOf(spamScoreHeader), names.indexOf(dkimResultHeader)];
  if (
    scoreIndex < 0 ||
    dkimIndex < 0 ||
    names.lastIndexOf(spamScoreHeader) !== scoreIndex ||
    names.lastIndexOf(dkimResultHeader) !== dkimIndex
  )
    return false;
  const first = Math.min(scoreIndex, dkimIndex);
  const firstOtherIndex = names.findIndex((name, at) => at > first && !isMailgunHeader(name));
  const above =
    firstOtherIndex > Math.max(scoreIndex, dkimIndex) &&
    names.slice(0, firstOtherIndex).every((name) => isMailgunHeader(name) || name === 'x-envelope-from');
  const atTop = above && names.indexOf('received', firstOtherIndex) >= 0;
  const atEnd = firstOtherIndex < 0 && scoreIndex < dkimIndex;
  return (atTop || atEnd) && /^pass$/i.test(headers[dkimIndex]?.[1].trim() ?? '');
}

function parseEmail(request: WebhookRequest, form: FormFields, trust: SenderTrustPolicy): WebhookContent {
  const headers = request.body.length > maxBodyBytes ? undefined : parseHeaders(form);
  const text = singleField(form, 'stripped-text') || singleField(form, 'body-plain');
  if (headers === undefined) return { kind: 'refused', reason: 'sender_unverified' };
  const isPass = hasTrustedDkimPass(headers);
  const from = singleField(form, 'from');
  const mail = {
    headers,
    from,
    dkimPassed: () => isPass,
    text: text ?? '',
    subject: singleField(form, 'subject') ?? '',
  };
  return parseInboundEmail({ ...mail, token: singleField(form, 'token') }, trust);
}

export const mailgun: ChannelProvider = {
  name: 'mailgun',
  acceptedResponse: { contentType: 'text/plain', body: '' },
  replayableSeconds: undefined,
  accountFor(json, carrier) {
    const parsed = credentialsSchema.safeParse(json);
    if (!parsed.success) return undefined;
    const secrets = parsed.data;
    const trust = { address: canonicalEmail(secrets.address) ?? '', unsignedTo: secrets.unsignedTo };
    return {
      async verifyAndParse(request, now) {
        const form = verifySignature(request, secrets, now);
        return form && parseEmail(request, form, trust);
      },
      /** documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages. */
      sendReply: (replyTo, text) =>
        postToProvider(carrier, {
          origin: secrets.region === 'eu' ? 'https://api.eu.mailgun.net' : 'https://api.mailgun.net',
          channel: 'mailgun',
          path: `/v3/${secrets.domain}/messages`,
          authorization: basicAuthorization('api', secrets.apiKey),
          body: new URLSearchParams({
            from: secrets.address,
            to: replyTo.to ?? '',
            subject: replyTo.subject ?? '',
            text,
            ...Object.fromEntries(Object.entries(replyHeaders(replyTo)).map(([name, value]) => [`h:${name}`, value])),
          }),
        }),
    };
  },
};
