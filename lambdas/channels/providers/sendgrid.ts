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
import type { Channel, HookRequest, Reading } from '../channel-ports.ts';
import { type Form, type Multipart, multipart, only } from './form-parser.ts';
import { type MailHeaders, mailHeaders, readMail, replyHeaders, speaksFor, type Trust } from './inbound-email.ts';
import { post } from './provider-http-client.ts';
import { clockSkew, day, mediaType, secretText, within } from './signature-helpers.ts';

/** `channels/sendgrid` in the org's vault. */
const schema = z.strictObject({
  /** Of the security policy: base64 of the DER of a SubjectPublicKeyInfo, as SendGrid shows it. */
  publicKey: z.string().check(z.minLength(1)),
  /** Where mail is sent to, and replies come from. */
  address: z.string().check(z.refine((text) => canonicalEmail(text) !== undefined)),
  /** As Trust.unsignedTo (mail.ts). */
  unsignedTo: z._default(z.boolean(), false),
  /** With the right to send mail: it authorizes replies. */
  apiKey: secretText,
  region: z._default(z.enum(['us', 'eu']), 'us'),
});

const window = { back: 3 * day + 3_600, ahead: clockSkew };

/** Bytes of standard base64 in its one spelling. */
function bytesOf(base64: string): Buffer | undefined {
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === base64 ? bytes : undefined;
}

/** The key, if it is one for ECDSA over P-256. */
function keyOf(base64: string): KeyObject | undefined {
  const der = bytesOf(base64);
  try {
    const key = der && createPublicKey({ key: der, format: 'der', type: 'spki' });
    return key?.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : undefined;
  } catch {
    return undefined;
  }
}

function genuine({ method, headers, body }: HookRequest, key: KeyObject, now: Date): boolean {
  const time = headers['x-twilio-email-event-webhook-timestamp'];
  const signature = bytesOf(headers['x-twilio-email-event-webhook-signature'] ?? '');
  if (method !== 'POST' || time === undefined || !within(time, window, now)) return false;
  // In DER: two numbers of up to 33 bytes, and six of framing.
  if (signature === undefined || signature.length < 8 || signature.length > 72) return false;
  return verify('sha256', Buffer.concat([Buffer.from(time), body]), { key, dsaEncoding: 'der' }, signature);
}

/** Encodings of fields by their names, as `charsets` tells them. */
type Charsets = ReadonlyMap<string, string>;
const charsetList = z.record(z.string(), z.string());

function charsetsOf(form: Form): Charsets {
  try {
    const { data } = charsetList.safeParse(JSON.parse(only(form, 'charsets') ?? ''));
    return new Map(Object.entries(data ?? {}));
  } catch {
    return new Map();
  }
}

/** A field whose characters are its bytes, in the encoding that is named for it, UTF-8 unless told. */
function textOf(form: Form, charsets: Charsets, name: string): string | undefined {
  const field = only(form, name);
  if (field === undefined) return undefined;
  try {
    return new TextDecoder(charsets.get(name) ?? 'utf-8').decode(Buffer.from(field, 'latin1'));
  } catch {
    // An encoding that nobody knows.
    return undefined;
  }
}

/** Lines of headers that decide about a mail. */
const telling = /^(?:from|to|dkim-signature|auto-submitted|precedence)[ \t]*:/im;

/** Whether the parts are as SendGrid makes them of a mail, whatever its sender wrote into it. */
function whole({ form, files }: Multipart, charsets: Charsets): boolean {
  const others = [...form].filter(([name]) => name !== 'headers' && !charsets.has(name));
  return (
    (only(form, 'attachments') ?? '0') === String(files) &&
    [...form.values()].every(({ length }) => length === 1) &&
    others.every(([name, [value = '']]) => name !== 'text' && !telling.test(value))
  );
}

/** Header lines, those that go on in the next line joined (RFC 5322 section 2.2.3). */
function headersOf(text: string): MailHeaders | undefined {
  const lines = text
    .replace(/\r?\n(?=[ \t])/g, '')
    .split(/\r?\n/)
    .filter((line) => line !== '');
  const fields = lines.map((line) => /^([^:]*):(.*)$/s.exec(line));
  if (fields.includes(null)) return undefined;
  return mailHeaders(fields.map((field): [string, string] => [field?.[1] ?? '', field?.[2]?.trim() ?? '']));
}

function read(parts: Multipart | undefined, trust: Trust): Reading {
  const charsets = charsetsOf(parts?.form ?? new Map());
  if (parts === undefined || !whole(parts, charsets)) return { kind: 'refused', reason: 'sender_unverified' };
  const { form } = parts;
  const headers = headersOf(textOf(form, charsets, 'headers') ?? '');
  const text = textOf(form, charsets, 'text');
  // Mail of HTML alone has no text; raw mail has other fields.
  if (headers === undefined || text === undefined) return { kind: 'nothing' };
  const found = /^\{@([a-z0-9.-]+) : pass\}$/i.exec(only(form, 'dkim')?.trim() ?? '')?.[1]?.toLowerCase();
  // SendGrid names the domain that the signature is for, which may be below the signing one (RFC 6376 section 3.5, `i=`).
  const passed = (domain: string): boolean => found !== undefined && speaksFor(domain, found);
  const [from, to, subject] = ['from', 'to', 'subject'].map((name) => textOf(form, charsets, name));
  return readMail({ headers, from, to: to ?? '', passed, text, subject: subject ?? '' }, trust);
}

export const sendgrid: Channel = {
  name: 'sendgrid',
  accepted: { contentType: 'text/plain', body: '' },
  repeatableSeconds: undefined,
  line(json, carrier) {
    const parsed = schema.safeParse(json);
    const key = parsed.success ? keyOf(parsed.data.publicKey) : undefined;
    if (!parsed.success || key === undefined) return undefined;
    const secrets = parsed.data;
    const trust = { address: canonicalEmail(secrets.address) ?? '', unsignedTo: secrets.unsignedTo };
    return {
      async receive(request, now) {
        if (!genuine(request, key, now)) return undefined;
        // Events are no form, and signed alike.
        return mediaType(request) === 'multipart/form-data'
          ? read(multipart(request, true), trust)
          : { kind: 'nothing' };
      },
      /** twilio.com/docs/sendgrid/api-reference/mail-send. */
      send: (replyTo, text) =>
        post(carrier, {
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
