/**
 * Email through SendGrid's Inbound Parse, signed by a security policy.
 *
 * Signature (twilio.com/docs/sendgrid/for-developers/parsing-email/securing-your-parse-webhooks; the format is that of
 * the Event Webhook): `X-Twilio-Email-Event-Webhook-Signature` is the base64 of an ECDSA signature (P-256, SHA-256,
 * DER) over the time in `X-Twilio-Email-Event-Webhook-Timestamp` and the raw body. SendGrid retries a delivery for
 * three days. Its documentation does not say whether a retry gets a new signature, so a timestamp is accepted for that
 * long. The DKIM signature of the email identifies redeliveries (inbound-email.ts).
 *
 * Fields (…/parsing-email/setting-up-the-inbound-parse-webhook):
 * - `headers` contains the headers of the email as lines, sorted and decoded.
 * - `text` is the text of the email.
 * - `charsets` contains the encodings of the fields.
 * - `dkim` is SendGrid's DKIM result: `none`, or for example `{@example.com : pass}`. The sender wrote this domain into
 *   the signature. A field with several results is rejected, because a sender can write a domain that looks like a
 *   second result.
 * - `attachments` is the number of files.
 *
 * The setting "POST the raw, full MIME message" must be off.
 *
 * SendGrid has used the same boundary for years. A sender who knows it can write it, followed by a part header, into
 * the text or into a header with encoded words (RFC 2047). The sender can then add parts, cut fields short, or end the
 * form before the fields with SendGrid's statements about the sender. A form that does not end where its body ends is
 * rejected (form-parser.ts), which prevents the last attack. Four checks prevent the others:
 * - No field may occur twice.
 * - The number of files must match `attachments`.
 * - If there is a text, `charsets` must name it.
 * - No other field may contain headers that could have been cut from `headers`.
 *
 * The sender therefore cannot give an email that someone else signed another text, or a To that its signature does not
 * cover.
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

/** The organization's value `channels/sendgrid`. */
const credentialsSchema = z.strictObject({
  /** The public key of the security policy: base64 of a DER-encoded SubjectPublicKeyInfo, as SendGrid displays it. */
  publicKey: z.string().check(z.minLength(1)),
  /** The address that receives email and sends replies. */
  address: z.string().check(z.refine((text) => canonicalEmail(text) !== undefined)),
  /** See SenderTrustPolicy.unsignedTo (inbound-email.ts). */
  unsignedTo: z._default(z.boolean(), false),
  /** API key with permission to send email. It authorizes replies. */
  apiKey: secretSchema,
  region: z._default(z.enum(['us', 'eu']), 'us'),
});

const acceptedTimeWindow = { back: 3 * daySeconds + 3_600, ahead: clockSkewSeconds };

/** Decodes standard base64. Returns undefined for empty input and for a non-canonical encoding. */
function decodeCanonicalBase64(base64: string): Buffer | undefined {
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === base64 ? bytes : undefined;
}

/** Parses a public key. Returns undefined unless it is an ECDSA key on P-256. */
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
  // A DER signature has two integers of up to 33 bytes each and six bytes of framing.
  if (signature === undefined || signature.length < 8 || signature.length > 72) return false;
  return verify('sha256', Buffer.concat([Buffer.from(time), body]), { key, dsaEncoding: 'der' }, signature);
}

/** Encodings by field name, from the field `charsets`. */
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

/** Decodes a field whose characters represent bytes, with the encoding that `charsets` specifies (default UTF-8). */
function decodeField(form: FormFields, charsets: Charsets, name: string): string | undefined {
  const field = singleField(form, name);
  if (field === undefined) return undefined;
  try {
    return new TextDecoder(charsets.get(name) ?? 'utf-8').decode(Buffer.from(field, 'latin1'));
  } catch {
    // TextDecoder does not know the encoding.
    return undefined;
  }
}

/** Header lines that affect how an email is handled. */
const trustedHeaderPattern = /^(?:from|to|dkim-signature|auto-submitted|precedence)[ \t]*:/im;

/** Whether the parts are as SendGrid creates them, so that the sender has not injected or cut any. */
function isUnambiguousForm({ form, fileCount }: MultipartForm, charsets: Charsets): boolean {
  const others = [...form].filter(([name]) => name !== 'headers' && !charsets.has(name));
  return (
    (singleField(form, 'attachments') ?? '0') === String(fileCount) &&
    [...form.values()].every(({ length }) => length === 1) &&
    others.every(([name, [value = '']]) => name !== 'text' && !trustedHeaderPattern.test(value))
  );
}

/** Parses header lines. Folded lines are joined (RFC 5322 section 2.2.3). */
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
  // HTML-only email has no text field. Raw email has other fields.
  if (headers === undefined || text === undefined) return { kind: 'nothing' };
  const dkimDomain = /^\{@([a-z0-9.-]+) : pass\}$/i.exec(singleField(form, 'dkim')?.trim() ?? '')?.[1]?.toLowerCase();
  // SendGrid reports the domain of the signature's identity, which can be a subdomain of the signing domain (RFC 6376
  // section 3.5, `i=`).
  const passed = (domain: string): boolean => dkimDomain !== undefined && isAlignedDomain(domain, dkimDomain);
  const [from, to, subject] = ['from', 'to', 'subject'].map((name) => decodeField(form, charsets, name));
  return parseInboundEmail({ headers, from, to: to ?? '', dkimPassed: passed, text, subject: subject ?? '' }, trust);
}

export const sendgrid: ChannelProvider = {
  name: 'sendgrid',
  acceptedResponse: { contentType: 'text/plain', body: '' },
  replayableSeconds: undefined,
  accountFor(json, providerHttp) {
    const parsed = credentialsSchema.safeParse(json);
    const key = parsed.success ? parseP256PublicKey(parsed.data.publicKey) : undefined;
    if (!parsed.success || key === undefined) return undefined;
    const credentials = parsed.data;
    const trust = { address: canonicalEmail(credentials.address) ?? '', unsignedTo: credentials.unsignedTo };
    return {
      async verifyAndParse(request, now) {
        if (!verifySignature(request, key, now)) return undefined;
        // Events of the Event Webhook are signed in the same way but are not forms.
        return mediaTypeOf(request) === 'multipart/form-data'
          ? parseEmail(parseMultipartForm(request, true), trust)
          : { kind: 'nothing' };
      },
      /** twilio.com/docs/sendgrid/api-reference/mail-send. */
      sendReply: (replyTo, text) =>
        postToProvider(providerHttp, {
          origin: credentials.region === 'eu' ? 'https://api.eu.sendgrid.com' : 'https://api.sendgrid.com',
          channel: 'sendgrid',
          path: '/v3/mail/send',
          authorization: `Bearer ${credentials.apiKey}`,
          body: {
            personalizations: [{ to: [{ email: replyTo.to }] }],
            from: { email: credentials.address },
            subject: replyTo.subject,
            content: [{ type: 'text/plain', value: text }],
            headers: replyHeaders(replyTo),
          },
        }),
    };
  },
};
