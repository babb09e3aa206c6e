/**
 * Mail by SendGrid's Inbound Parse, with a security policy that signs it.
 *
 * Signature (twilio.com/docs/sendgrid/for-developers/parsing-email/securing-your-parse-webhooks, which is that of its Event Webhook):
 * `X-Twilio-Email-Event-Webhook-Signature` is base64 of an ECDSA signature (P-256, SHA-256, DER) over the time in
 * `X-Twilio-Email-Event-Webhook-Timestamp` and the raw body. SendGrid repeats a delivery for three days and does not say that it signs it
 * anew, so a time counts for that long; what is repeated is known by the mail's own signature (mail.ts).
 *
 * Fields (…/parsing-email/setting-up-the-inbound-parse-webhook): `headers` has those of the mail as lines, sorted and decoded, `text` its text, `charsets` which
 * encodings fields are in, and `dkim` what SendGrid found: `none`, or such as `{@example.com : pass}`, the domain being one that the sender
 * wrote into its signature. Several results in one are refused: a domain can be written that looks like a second result. `attachments` is
 * how many files there are. The setting "POST the raw, full MIME message" must be off.
 *
 * SendGrid's boundary has been the same one for years. Whoever knows it can write it, and a part's head after it, into his text or into a
 * header with encoded words (RFC 2047): he makes parts of his own, cuts fields short, or ends the form before those that tell of him. The
 * last is refused with every form that does not end where its body does (forms.ts). For the others no field may be there twice, files must
 * be as many as told, a text must be among those that `charsets` names, and no other field may hold what could be cut from the headers: a
 * mail that someone else signed can't be given another text, nor a To that its signature does not cover.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import * as z from 'zod/mini';
import { canonicalEmail } from '../../../core/users/canonical-identity.ts';
import type { ChannelProvider, WebhookContent, WebhookRequest } from '../channel-ports.ts';
import { type FormFields, type MultipartForm, parseMultipartForm, singleField } from './form-parser.ts';
import {
  type EmailHeaders,
  isAlignedDomain,
  parseInboundEmail,
  replyHeaders,
  type SenderTrustPolicy,
  toEmailHeaders,
} from './inbound-email.ts';
import { postToProvider } from './provider-http-client.ts';
import { clockSkewSeconds, daySeconds, isWithinTimeWindow, mediaTypeOf, secretSchema } from './signature-helpers.ts';

/** `channels/sendgrid` in the org's vault. */
const credentialsSchema = z.strictObject({
  /** Of the security policy: base64 of the DER of a SubjectPublicKeyInfo, as SendGrid shows it. */
  publicKey: z.string().check(z.minLength(1)),
  /** Where mail is sent to, and replies come from. */
  address: z.string().check(z.refine((text) => canonicalEmail(text) !== undefined)),
  /** As Trust.unsignedTo (mail.ts). */
  unsignedTo: z._default(z.boolean(), false),
  /** With the right to send mail: it authorizes replies. */
  apiKey: secretSchema,
  region: z._default(z.enum(['us', 'eu']), 'us'),
});

const acceptedTimeWindow = { back: 3 * daySeconds + 3_600, ahead: clockSkewSeconds };

/** Bytes of standard base64 in its one spelling. */
function decodeCanonicalBase64(base64: string): Buffer | undefined {
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === base64 ? bytes : undefined;
}

/** The key, if it is one for ECDSA over P-256. */
function parseP256PublicKey(base64: string): KeyObject | undefined {
  const der = decodeCanonicalBase64(base64);
  try {
    const key = der && createPublicKey({ key: der, format: 'der', type: 'spki' });
    return key?.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : undefined;
  } catch {
    return undefined;
  }
}

function verifySignature({ method, headers, body }: WebhookRequest, key: KeyObject, now: Date): boolean {
  const time = headers['x-twilio-email-event-webhook-timestamp'];
  const signature = decodeCanonicalBase64(headers['x-twilio-email-event-webhook-signature'] ?? '');
  if (method !== 'POST' || time === undefined || !isWithinTimeWindow(time, acceptedTimeWindow, now)) return false;
  // In DER: two numbers of up to 33 bytes, and six of framing.
  if (signature === undefined || signature.length < 8 || signature.length > 72) return false;
  return verify('sha256', Buffer.concat([Buffer.from(time), body]), { key, dsaEncoding: 'der' }, signature);
}

/** Encodings of fields by their names, as `charsets` tells them. */
type Charsets = ReadonlyMap<string, string>;
const charsetsSchema = z.record(z.string(), z.string());

function parseCharsets(form: FormFields): Charsets {
  try {
    const { data } = charsetsSchema.safeParse(JSON.parse(singleField(form, 'charsets') ?? ''));
    return new Map(Object.entries(data ?? {}));
  } catch {
    return new Map();
  }
}

/** A field whose characters are its bytes, in the encoding that is named for it, UTF-8 unless told. */
function decodeField(form: FormFields, charsets: Charsets, name: string): string | undefined {
  const field = singleField(form, name);
  if (field === undefined) return undefined;
  try {
    return new TextDecoder(charsets.get(name) ?? 'utf-8').decode(Buffer.from(field, 'latin1'));
  } catch {
    // An encoding that nobody knows.
    return undefined;
  }
}

/** Lines of headers that decide about a mail. */
const trustedHeaderPattern = /^(?:from|to|dkim-signature|auto-submitted|precedence)[ \t]*:/im;

/** Whether the parts are as SendGrid makes them of a mail, whatever its sender wrote into it. */
function isUnambiguousForm({ form, fileCount }: MultipartForm, charsets: Charsets): boolean {
  const others = [...form].filter(([name]) => name !== 'headers' && !charsets.has(name));
  return (
    (singleField(form, 'attachments') ?? '0') === String(fileCount) &&
    [...form.values()].every(({ length }) => length === 1) &&
    others.every(([name, [value = '']]) => name !== 'text' && !trustedHeaderPattern.test(value))
  );
}

/** Header lines, those that go on in the next line joined (RFC 5322 section 2.2.3). */
function parseHeaders(text: string): EmailHeaders | undefined {
  const lines = text
    .replace(/\r?\n(?=[ \t])/g, '')
    .split(/\r?\n/)
    .filter((line) => line !== '');
  const fields = lines.map((line) => /^([^:]*):(.*)$/s.exec(line));
  if (fields.includes(null)) return undefined;
  return toEmailHeaders(fields.map((field): [string, string] => [field?.[1] ?? '', field?.[2]?.trim() ?? '']));
}

function parseEmail(parts: MultipartForm | undefined, trust: SenderTrustPolicy): WebhookContent {
  const charsets = parseCharsets(parts?.form ?? new Map());
  if (parts === undefined || !isUnambiguousForm(parts, charsets))
    return { kind: 'refused', reason: 'sender_unverified' };
  const { form } = parts;
  const headers = parseHeaders(decodeField(form, charsets, 'headers') ?? '');
  const text = decodeField(form, charsets, 'text');
  // Mail of HTML alone has no text; raw mail has other fields.
  if (headers === undefined || text === undefined) return { kind: 'nothing' };
  const dkimDomain = /^\{@([a-z0-9.-]+) : pass\}$/i.exec(singleField(form, 'dkim')?.trim() ?? '')?.[1]?.toLowerCase();
  // SendGrid names the domain that the signature is for, which may be below the signing one (RFC 6376 section 3.5, `i=`).
  const passed = (domain: string): boolean => dkimDomain !== undefined && isAlignedDomain(domain, dkimDomain);
  const [from, to, subject] = ['from', 'to', 'subject'].map((name) => decodeField(form, charsets, name));
  return parseInboundEmail({ headers, from, to: to ?? '', dkimPassed: passed, text, subject: subject ?? '' }, trust);
}

export const sendgrid: ChannelProvider = {
  name: 'sendgrid',
  acceptedResponse: { contentType: 'text/plain', body: '' },
  replayableSeconds: undefined,
  accountFor(json, carrier) {
    const parsed = credentialsSchema.safeParse(json);
    const key = parsed.success ? parseP256PublicKey(parsed.data.publicKey) : undefined;
    if (!parsed.success || key === undefined) return undefined;
    const secrets = parsed.data;
    const trust = { address: canonicalEmail(secrets.address) ?? '', unsignedTo: secrets.unsignedTo };
    return {
      async verifyAndParse(request, now) {
        if (!verifySignature(request, key, now)) return undefined;
        // Events are no form, and signed alike.
        return mediaTypeOf(request) === 'multipart/form-data'
          ? parseEmail(parseMultipartForm(request, true), trust)
          : { kind: 'nothing' };
      },
      /** twilio.com/docs/sendgrid/api-reference/mail-send. */
      sendReply: (replyTo, text) =>
        postToProvider(carrier, {
          origin: secrets.region === 'eu' ? 'https://api.eu.sendgrid.com' : 'https://api.sendgrid.com',
          channel: 'sendgrid',
          path: '/v3/mail/send',
          authorization: `Bearer ${secrets.apiKey}`,
          body: {
            personalizations: [{ to: [{ email: replyTo.to }] }],
            from: { email: secrets.address },
            subject: replyTo.subject,
            content: [{ type: 'text/plain', value: text }],
            headers: replyHeaders(replyTo),
          },
        }),
    };
  },
};
