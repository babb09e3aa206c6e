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
 * - `html` is used if there is no text.
 * - `dkim` is SendGrid's DKIM result: `none`, or one result per signature, for example `{@example.com : pass}`. The
 *   sender wrote these domains into the signatures, and could write one that looks like a second result. The field is
 *   therefore used only if every signature of the email has a well-formed domain, and if there are as many results as
 *   signatures. A signature is valid if there is a result for its domain, and all of them are `pass`.
 * - `SPF` and `envelope` tell whether a hint can be sent to a sender who is not accepted.
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
 * - If there is a text or HTML, `charsets` must name it, and what it names must be there.
 * - No other field may contain headers that could have been cut from `headers`.
 *
 * The sender therefore cannot give an email that someone else signed another text, or a To that its signature does not
 * cover.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import * as z from 'zod/mini';
import { canonicalEmail } from '../../../core/users/canonical-identity.ts';
import type { ChannelProvider, WebhookContent, WebhookRequest } from '../channel-ports.ts';
import { type DkimSignature, isAlignedDomain } from './dkim-signature.ts';
import { parseSingleAddress } from './email-address-parser.ts';
import { type EmailHeaders, replyHeaders, toEmailHeaders } from './email-headers.ts';
import { decodeText } from './email-text.ts';
import { type FormFields, type MultipartForm, parseMultipartForm, singleField } from './form-parser.ts';
import { parseInboundEmail } from './inbound-email.ts';
import { postToProvider } from './provider-http-client.ts';
import type { SenderTrustPolicy } from './sender-authentication.ts';
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

/**
 * Decodes a field that decides about the sender. Its characters represent bytes. Its encoding must be one of the web
 * (default UTF-8); any other is read as ASCII, because some encodings hide ASCII characters.
 */
function decodeTrustedField(form: FormFields, charsets: Charsets, name: string): string | undefined {
  const field = singleField(form, name);
  if (field === undefined) return undefined;
  try {
    return new TextDecoder(charsets.get(name) ?? 'utf-8').decode(Buffer.from(field, 'latin1'));
  } catch {
    return field;
  }
}

/** Decodes a field that a person wrote, from any encoding. Empty if it is missing. */
const decodeWrittenField = (form: FormFields, charsets: Charsets, name: string): string =>
  decodeText(Buffer.from(singleField(form, name) ?? '', 'latin1'), charsets.get(name) ?? 'utf-8');

/** Header lines that affect how an email is handled. */
const trustedHeaderPattern =
  /^(?:from|to|cc|dkim-signature|auto-submitted|precedence|list-[a-z]+|return-path|x-auto-response-suppress)[ \t]*:/im;

const bodyFields = ['text', 'html'];

/** Whether the parts are as SendGrid creates them, so that the sender has not injected or cut any. */
function isUnambiguousForm({ form, files }: MultipartForm, charsets: Charsets): boolean {
  const others = [...form].filter(([name]) => name !== 'headers' && !charsets.has(name));
  return (
    (singleField(form, 'attachments') ?? '0') === String(files.length) &&
    bodyFields.every((name) => form.has(name) === charsets.has(name)) &&
    [...form.values()].every(({ length }) => length === 1) &&
    others.every(([, [value = '']]) => !trustedHeaderPattern.test(value))
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

/** One result: `@example.com : pass`. */
const resultPattern = '@([a-z0-9.-]+) : ([a-z]+)';
/** `{@a.example : pass, @b.example : fail}` or `{@a.example : pass}, {@b.example : fail}`. */
const resultsPattern = new RegExp(`^\\{${resultPattern}(?:(?:, |\\},? ?\\{)${resultPattern})*\\}$`, 'i');

/**
 * Selects the signatures that SendGrid reports as valid. It reports the domain of a signature's identity, which can be a
 * subdomain of the signing domain (RFC 6376 section 3.5, `i=`).
 */
const selectPassed = (field: string) => (signatures: readonly DkimSignature[]) => {
  const results = resultsPattern.test(field) ? [...field.matchAll(new RegExp(resultPattern, 'gi'))] : [];
  if (results.length !== signatures.length) return [];
  return signatures.filter(({ domain }) => {
    const own = results.filter(([, reported = '']) => isAlignedDomain(domain, reported.toLowerCase()));
    return own.length > 0 && own.every(([, , verdict = '']) => verdict.toLowerCase() === 'pass');
  });
};

const envelopeSchema = z.object({ from: z.string() });

/** Domain of the envelope sender, if SPF passed for it. */
function spfDomainOf(form: FormFields): string | undefined {
  if (singleField(form, 'SPF')?.trim().toLowerCase() !== 'pass') return undefined;
  try {
    const { data } = envelopeSchema.safeParse(JSON.parse(singleField(form, 'envelope') ?? ''));
    return parseSingleAddress(data?.from ?? '')
      ?.split('@')
      .at(-1);
  } catch {
    return undefined;
  }
}

/** An empty envelope sender marks a bounce, which the headers do not always show. */
function hasNullSender(form: FormFields): boolean {
  try {
    return envelopeSchema.safeParse(JSON.parse(singleField(form, 'envelope') ?? '')).data?.from.trim() === '';
  } catch {
    return false;
  }
}

function parseEmail(parts: MultipartForm | undefined, trust: SenderTrustPolicy): WebhookContent {
  const charsets = parseCharsets(parts?.form ?? new Map());
  if (parts === undefined || !isUnambiguousForm(parts, charsets))
    return { kind: 'nothing', reason: 'sender_unverified' };
  const { form } = parts;
  // Raw email has other fields.
  if (form.has('email')) return { kind: 'nothing', reason: 'message_unsupported' };
  const headers = parseHeaders(decodeTrustedField(form, charsets, 'headers') ?? '');
  if (headers === undefined) return { kind: 'nothing', reason: 'sender_unverified' };
  if (hasNullSender(form)) return { kind: 'nothing', reason: 'automatic_message' };
  const mail = {
    headers,
    from: decodeTrustedField(form, charsets, 'from'),
    to: decodeTrustedField(form, charsets, 'to') ?? '',
    cc: decodeTrustedField(form, charsets, 'cc') ?? '',
    selectPassed: selectPassed(singleField(form, 'dkim')?.trim() ?? ''),
    spfDomain: spfDomainOf(form),
    text: decodeWrittenField(form, charsets, 'text'),
    html: decodeWrittenField(form, charsets, 'html'),
    subject: decodeWrittenField(form, charsets, 'subject'),
    files: parts.files,
  };
  return parseInboundEmail(mail, trust);
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
